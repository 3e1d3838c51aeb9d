import type { EpochReport, FitReport, ProgressReport, TrainerPlugin } from '@man/core';
import { badOption } from './errors.ts';
import { jsonText } from './events.ts';
import { epochLine, type LineStyle, loggedLine, runningLine } from './progress-line.ts';
import { openSink, type TextStream } from './text-stream.ts';

/** Options of {@link progress}. */
export interface ProgressOptions {
  /** Where to write: `process.stdout`, `process.stderr`, or any stream; `isTTY` and `columns` are read from it. */
  readonly stream: TextStream;
  /** What to call the run at the beginning of each line; default none. */
  readonly label?: string;
  /**
   * `'auto'` (default): a redrawn line on a terminal, plain lines elsewhere; `'line'` and `'plain'` one of the two wherever it is;
   * `'json'`: an object per line for each progress report and epoch, for programs; `'quiet'`: nothing.
   */
  readonly mode?: 'auto' | 'line' | 'plain' | 'json' | 'quiet';
  /** Milliseconds from any origin; default `performance.now`. */
  readonly clock?: () => number;
  /** Least time between two drawings of the running line; default 100. */
  readonly redrawMs?: number;
  /** Environment: `NO_COLOR` (not empty) removes colours, `TERM=dumb` makes a terminal a log. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Shows a run: on a terminal one line that is redrawn and a line per epoch that stays; elsewhere plain lines, one every 10 % of an epoch
 * and one per epoch.
 *
 * The running line shows epoch, step of the epoch, bar, share done, loss and accuracy in training of the last block (averages over the epoch so
 * far), time left, images per second, peak memory of tensors and, with several blocks, the loss of each block as a row of bars. It never wraps. A stream that is closed or
 * fails is left alone, without an error: a run outlives its terminal.
 *
 * @throws MAN_TRACK_BAD_OPTION where `stream` cannot be written to or `mode` is none of the five
 * @example
 * ```ts
 * const plugins = [progress({ stream: process.stdout, label: 'infopro + MAN' })];
 * ```
 */
export function progress(options: ProgressOptions): TrainerPlugin {
  if (typeof options?.stream?.write !== 'function')
    throw badOption('progress({ stream })', 'a writable stream, e.g. process.stdout', options?.stream);
  const { mode = 'auto', env = process.env } = options;
  if (!MODES.includes(mode)) throw badOption('progress({ mode })', `one of ${MODES.join(', ')}`, mode);
  if (mode === 'quiet') return { name: 'progress' };
  if (mode === 'json') return jsonProgress(options);
  const isTerminal = options.stream.isTTY === true && env.TERM !== 'dumb';
  return mode === 'line' || (mode === 'auto' && isTerminal)
    ? terminalProgress(options, isTerminal && (env.NO_COLOR ?? '') === '')
    : loggedProgress(options);
}

const MODES: readonly string[] = ['auto', 'line', 'plain', 'json', 'quiet'];

/** Everything of the reports but single steps, which are what `eventLog` keeps. */
function jsonProgress({ stream }: ProgressOptions): TrainerPlugin {
  const write = openSink(stream);
  const line = (type: string, report: object) => write(`${jsonText({ type, ...report })}\n`);
  return {
    name: 'progress',
    onProgress: ({ steps, ...report }: ProgressReport) => line('progress', { step: steps.at(-1)?.step ?? null, ...report }),
    onEpochEnd: (report: EpochReport) => line('epoch', report),
    onFitEnd: ({ epochs, ...report }: FitReport) => line('end', { epochs: epochs.length, ...report }),
  };
}

function terminalProgress(
  { stream, label = '', clock = () => performance.now(), redrawMs = 100 }: ProgressOptions,
  colors: boolean,
): TrainerPlugin {
  const write = openSink(stream);
  let drawnAt = Number.NEGATIVE_INFINITY;
  let drawn = false;
  const style = (): LineStyle => ({ label, colors, columns: usableColumns(stream) });
  const leaveLine = () => {
    if (drawn) write('\n');
    drawn = false;
  };
  return {
    name: 'progress',
    onProgress(report: ProgressReport) {
      const now = clock();
      if (now - drawnAt < redrawMs && report.batch < report.batches) return;
      drawnAt = now;
      drawn = true;
      write(`\r${runningLine(report, style())}\u001B[K`);
    },
    onEpochEnd(report: EpochReport) {
      drawn = false;
      write(`\r${epochLine(report, style())}\u001B[K\n`);
    },
    // Whatever prints next, an error or a prompt, begins on a line of its own.
    onError: leaveLine,
    dispose: leaveLine,
  };
}

function loggedProgress({ stream, label = '' }: ProgressOptions): TrainerPlugin {
  const write = openSink(stream);
  const style: LineStyle = { label, colors: false, columns: Number.POSITIVE_INFINITY };
  let epoch = 0;
  let tenths = 0;
  return {
    name: 'progress',
    onProgress(report: ProgressReport) {
      if (report.epoch !== epoch) tenths = 0;
      epoch = report.epoch;
      const reached = Math.floor((10 * report.batch) / report.batches);
      // The line of the epoch itself says that all of it is done.
      if (!(reached > tenths && reached < 10)) return;
      tenths = reached;
      write(`${loggedLine(report, style)}\n`);
    },
    onEpochEnd(report: EpochReport) {
      write(`${epochLine(report, style)}\n`);
    },
  };
}

/** One column less than there are: a character in the last one makes some terminals wrap. */
function usableColumns(stream: TextStream): number {
  const columns = stream.columns;
  return Math.min(columns !== undefined && columns > 0 ? columns : 80, 200) - 1;
}
