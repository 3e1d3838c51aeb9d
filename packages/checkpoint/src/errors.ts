import { ManError } from '@man/base';

export function badOption(what: string, expected: string, got: unknown): ManError {
  return new ManError(`${what}: expected ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_CHECKPOINT_OPTION',
    hint: 'correct the option; the README of @man/checkpoint lists them all',
  });
}

export function notACheckpoint(file: string, problem: string): ManError {
  return new ManError(`${file} is not a checkpoint of a run: ${problem}`, {
    code: 'MAN_CHECKPOINT_FORMAT',
    hint: 'name a file that checkpoint() wrote; loadNetwork also takes files that hold weights alone',
  });
}

export function noneWhole(folder: string, problems: readonly string[]): ManError {
  return new ManError(`${folder}: expected a checkpoint that can be read, got ${problems.length} that cannot: ${problems.join('; ')}`, {
    code: 'MAN_CHECKPOINT_DAMAGED',
    hint: 'restore one of the files from a copy, or begin anew in another folder',
  });
}

export function noMetric(metric: string, steps: number): ManError {
  return new ManError(`checkpoint: expected an evaluation to choose the best by ${metric}, got none at step ${steps}`, {
    code: 'MAN_CHECKPOINT_METRIC',
    hint: 'give fit something to evaluate, or leave keep.best out',
  });
}

export function noAverage(file: string): ManError {
  return new ManError(`${file}: expected averaged weights (average.…), got none`, {
    code: 'MAN_CHECKPOINT_NO_AVERAGE',
    hint: "load the weights of the moment: weights: 'last'; averages are there where the run had weightAverage()",
  });
}

export function networkMismatch(file: string, problems: readonly string[]): ManError {
  return new ManError(`${file} does not fit the network: ${problems.join('; ')}`, {
    code: 'MAN_CHECKPOINT_MISMATCH',
    hint: 'make the backbone as it was in training: depth, width, number of classes, size of the pictures',
  });
}
