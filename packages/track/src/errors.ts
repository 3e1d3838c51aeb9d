import { ManError } from '@man/base';

/** A file or its folder cannot be written. */
export function writeFailed(file: string, cause: unknown): ManError {
  return new ManError(`expected to write ${file}, but ${reason(cause)}`, {
    code: 'MAN_TRACK_WRITE_FAILED',
    hint: remedy(cause),
    cause,
  });
}

/** A file cannot be opened or read. */
export function readFailed(file: string, cause: unknown): ManError {
  return new ManError(`expected to read ${file}, but ${reason(cause)}`, {
    code: 'MAN_TRACK_READ_FAILED',
    hint: codeOf(cause) === 'ENOENT' ? 'check the path' : 'check the path and your permission to read it',
    cause,
  });
}

/** An option has a value that no run could use. */
export function badOption(what: string, expected: string, got: unknown): ManError {
  return new ManError(`${what}: expected ${expected}, got ${show(got)}`, {
    code: 'MAN_TRACK_BAD_OPTION',
    hint: 'correct the option; the README of @man/track lists them all',
  });
}

/** A safetensors file whose frame or header is broken. */
export function badHeader(where: string, problem: string, cause?: unknown): ManError {
  return new ManError(`${where} is not a safetensors file: ${problem}`, {
    code: 'MAN_TRACK_SAFETENSORS_HEADER',
    hint: 'the file is damaged, cut short or of another format; copy or write it again',
    cause,
  });
}

/** A safetensors entry that contradicts itself, its neighbours or the file. */
export function badTensor(where: string, name: string, problem: string): ManError {
  return new ManError(`${where}, tensor ${show(name)}: ${problem}`, {
    code: 'MAN_TRACK_SAFETENSORS_TENSOR',
    hint: 'the file is damaged or was written by a faulty program; copy or write it again',
  });
}

/** A tensor of a type that this reader or writer does not know. */
export function unsupportedDtype(where: string, name: string, dtype: unknown): ManError {
  return new ManError(`${where}, tensor ${show(name)}: expected dtype F32, I32, U8 or BOOL, got ${show(dtype)}`, {
    code: 'MAN_TRACK_SAFETENSORS_DTYPE',
    hint: 'cast the tensor to float32, int32 or bool before it is written',
  });
}

/** Something that cannot be written as a tensor. */
export function unwritableTensor(name: string, problem: string, cause?: unknown): ManError {
  return new ManError(`cannot write tensor ${show(name)}: ${problem}`, {
    code: 'MAN_TRACK_TENSOR_UNWRITABLE',
    hint: 'nothing was written and the former file is as it was; pass living tensors whose data fit their shapes',
    cause,
  });
}

/** A network whose weights have no names in PyTorch. */
export function noTorchNames(backbone: string): ManError {
  return new ManError(`expected a backbone that tells the names of its weights in PyTorch, got '${backbone}', which has no member torch`, {
    code: 'MAN_TRACK_TORCH_NAMES',
    hint: 'give the backbone torch: { namesOf(variable) { … } }; writeSafetensors and readSafetensors exchange weights under our own names',
  });
}

/** A file of weights that is not one of this network. */
export function torchMismatch(where: string, backbone: string, problems: readonly string[]): ManError {
  const shown = problems.slice(0, 5).join('; ');
  const rest = problems.length > 5 ? `; and ${problems.length - 5} more` : '';
  return new ManError(`${where}: expected the weights of ${backbone}, got others: ${shown}${rest}`, {
    code: 'MAN_TRACK_TORCH_MISMATCH',
    hint: "compare depth, width, classes and picture size of both networks; { skip: (name) => name.startsWith('classifier.') } leaves out what differs on purpose",
  });
}

/** A line in the midst of an event file is not an event. */
export function damagedEvents(file: string, line: number, cause?: unknown): ManError {
  return new ManError(`${file}:${line}: expected one JSON event per line, got something else`, {
    code: 'MAN_TRACK_EVENTS_DAMAGED',
    hint: 'only the last line of a killed run may be incomplete; remove the damaged line or restore the file',
    cause,
  });
}

/** A file that should hold the table of this run holds something else. */
export function csvForeign(file: string, heading: string, got: string): ManError {
  return new ManError(`${file}: expected a table that begins with ${show(heading.trimEnd())}, got ${show(got.split('\n', 1)[0])}`, {
    code: 'MAN_TRACK_CSV_FOREIGN',
    hint: 'name another file: this one holds a run with other blocks, or something else',
  });
}

/** An MLflow server answers, but not as hoped. */
export function mlflowRefused(url: string, path: string, status: number, answer: string): ManError {
  return new ManError(`MLflow at ${url} answered ${path} with status ${status}: ${answer.slice(0, 300)}`, {
    code: 'MAN_TRACK_MLFLOW',
    hint: 'check the address and the version of the server; what it did not take waits in the spool',
  });
}

/** The live page cannot have its port. */
export function portTaken(port: number, cause: unknown): ManError {
  return new ManError(
    `expected to listen at 127.0.0.1:${port}, but ${codeOf(cause) === 'EADDRINUSE' ? 'another program does' : reason(cause)}`,
    {
      code: 'MAN_TRACK_PORT',
      hint: 'name another port, or 0 for any that is free',
      cause,
    },
  );
}

/** A file that should hold the summary of a run does not. */
export function badSummary(file: string, problem: string, cause?: unknown): ManError {
  return new ManError(`${file} is not the summary of a run: ${problem}`, {
    code: 'MAN_TRACK_SUMMARY_INVALID',
    hint: 'give the summary that a run of this version wrote, or make it anew from the events of the run',
    cause,
  });
}

/** The chart library refused to draw. */
export function chartFailed(title: string, cause: unknown): ManError {
  return new ManError(`cannot draw the chart ${show(title)}: ${cause instanceof Error ? cause.message : String(cause)}`, {
    code: 'MAN_TRACK_CHART_FAILED',
    hint: 'check that vega and vega-lite are installed in the versions of @man/track; report the chart if they are',
    cause,
  });
}

const REASONS: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  ENOSPC: ['the disk is full', 'free some space or choose a folder on another disk'],
  EDQUOT: ['your disk quota is used up', 'free some space or choose a folder on another disk'],
  EROFS: ['the file system is read-only', 'choose a folder that can be written'],
  EACCES: ['permission is denied', 'choose a folder that you may write, or change its permissions'],
  EPERM: ['permission is denied', 'choose a folder that you may write, or change its permissions'],
  ENOTDIR: ['a part of its path is a file, not a folder', 'choose another folder or move that file away'],
  EEXIST: ['a part of its path is a file, not a folder', 'choose another folder or move that file away'],
  EISDIR: ['it is a folder', 'give the name of a file'],
  ENAMETOOLONG: ['the name is too long', 'choose a shorter name'],
  ENOENT: ['it does not exist', 'check the path'],
};

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}

function reason(cause: unknown): string {
  const code = codeOf(cause);
  const known = REASONS[code]?.[0];
  if (known !== undefined) return `${known} (${code})`;
  return `it failed: ${cause instanceof Error ? cause.message : String(cause)}`;
}

function remedy(cause: unknown): string {
  return REASONS[codeOf(cause)]?.[1] ?? 'check the path, the free space and your permission to write there';
}

/** A short, printable form of anything. */
function show(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // Cyclic or a bigint: String() is good enough for a message.
  }
  text ??= String(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
