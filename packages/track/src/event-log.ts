import { closeSync, fstatSync, ftruncateSync, readSync } from 'node:fs';
import type { EpochReport, ProgressReport, Run, TrainerPlugin } from '@man/core';
import { closeQuietly, openForAppending, syncQuietly, writeFully } from './append-file.ts';
import { badOption, writeFailed } from './errors.ts';
import { decodeEvent, type EventHeader, encodeEvent, type RunEvent, stepEvent } from './events.ts';

/** Options of {@link eventLog}. */
export interface EventLogOptions {
  /** Usually `events.jsonl` in the folder of the run, which is made where missing; appended to where the file exists. */
  readonly file: string;
  /** Written with the start of the run: configuration, versions, whatever identifies it. Default empty. */
  readonly header?: EventHeader;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly clock?: () => number;
}

/**
 * Keeps everything a run measured as JSON lines: its start, each step (loss, accuracy and terms of each block), each epoch, errors.
 *
 * Lines reach the system with each progress report and the disk with each epoch. An incomplete last line that a killed run left in the
 * file is cut off before the first line is added, so a resumed run leaves a file that {@link readEvents} reads from end to end.
 *
 * @throws MAN_TRACK_BAD_OPTION
 * @throws MAN_TRACK_WRITE_FAILED from `setup` where the file cannot be opened, from later hooks where the disk is full
 * @example
 * ```ts
 * const plugins = [eventLog({ file: 'runs/a/events.jsonl', header: { command: process.argv } })];
 * ```
 */
export function eventLog({ file, header = {}, clock = Date.now }: EventLogOptions): TrainerPlugin {
  if (typeof file !== 'string' || file === '') throw badOption('eventLog({ file })', 'the name of a file', file);
  const now = () => new Date(clock()).toISOString();
  let descriptor: number | undefined;
  const write = (events: readonly RunEvent[], sync: boolean) => {
    if (events.length === 0) return;
    try {
      descriptor ??= openRepaired(file);
      writeFully(descriptor, events.map(encodeEvent).join(''));
      if (sync) syncQuietly(descriptor);
    } catch (cause) {
      throw writeFailed(file, cause);
    }
  };
  return {
    name: 'event-log',
    setup(run: Run) {
      write([{ type: 'start', time: now(), header, seed: run.seed, blocks: run.blocks.length, epoch: run.epoch, steps: run.steps }], true);
    },
    onProgress(report: ProgressReport) {
      write(report.steps.map(stepEvent), false);
    },
    onEpochEnd(report: EpochReport) {
      write([{ type: 'epoch', time: now(), ...report }], true);
    },
    onError(error: unknown) {
      try {
        write([{ type: 'error', time: now(), ...described(error) }], true);
      } catch {
        // The error of the run is the one to be seen, not that its log cannot be written.
      }
    },
    dispose() {
      closeQuietly(descriptor);
      descriptor = undefined;
    },
  };
}

function described(error: unknown): { message: string; code?: string; hint?: string; stack?: string } {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message, stack, code, hint } = error as Error & { code?: unknown; hint?: unknown };
  return {
    message,
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof hint === 'string' ? { hint } : {}),
    ...(stack === undefined ? {} : { stack }),
  };
}

function openRepaired(file: string): number {
  const descriptor = openForAppending(file);
  try {
    repairTail(descriptor);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  return descriptor;
}

/** Cuts an incomplete last line, or ends it where it is complete but for its line break. */
function repairTail(descriptor: number): void {
  const stat = fstatSync(descriptor);
  if (!stat.isFile() || stat.size === 0) return;
  const { start, text } = lastLine(descriptor, stat.size);
  const ended = text.endsWith('\n');
  try {
    decodeEvent(text);
  } catch {
    ftruncateSync(descriptor, start);
    return;
  }
  if (!ended) writeFully(descriptor, '\n');
}

function lastLine(descriptor: number, size: number): { start: number; text: string } {
  for (let length = Math.min(size, 1 << 16); ; length = Math.min(size, 2 * length)) {
    const tail = Buffer.alloc(length);
    const read = readSync(descriptor, tail, 0, length, size - length);
    // The very last byte may be the line break of the last line itself.
    const at = tail.subarray(0, read).lastIndexOf(0x0a, -2);
    if (at >= 0 || length === size) return { start: size - length + at + 1, text: tail.toString('utf8', at + 1, read) };
  }
}
