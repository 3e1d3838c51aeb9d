import type { TrainerPlugin } from '@man/core';
import type { Profile, startProfiler as Start } from '@man/ops';
import { atomicWrite } from './atomic-write.ts';
import { badOption } from './errors.ts';
import { formatBytes } from './format.ts';
import { textTable } from './text-table.ts';

/** Options of {@link profile}. */
export interface ProfileOptions {
  /** Where the trace is written, e.g. `profile.json`. */
  readonly file: string;
  /** Steps before the first one recorded, in which engines warm up; default 2. */
  readonly skip?: number;
  /** Steps recorded; default 3. */
  readonly steps?: number;
  /** Called when the file is written. */
  readonly onDone?: (profile: Profile, steps: number) => void;
}

/**
 * Records every operation of a few training steps and writes a trace that the trace viewers of browsers open (`chrome://tracing`,
 * Perfetto). Where the run ends earlier, what there is is written.
 *
 * @throws MAN_TRACK_BAD_OPTION; when the file is written MAN_TRACK_WRITE_FAILED
 * @example
 * ```ts
 * const plugins = [profile({ file: 'profile.json', onDone: (found, steps) => console.log(profileTable(found, steps)) })];
 * ```
 */
export function profile({ file, skip = 2, steps = 3, onDone }: ProfileOptions): TrainerPlugin {
  if (!Number.isInteger(skip) || skip < 0) throw badOption('profile({ skip })', 'a whole number ≥ 0', skip);
  if (!Number.isInteger(steps) || steps < 1) throw badOption('profile({ steps })', 'a whole number ≥ 1', steps);
  let seen = 0;
  let startProfiler: typeof Start | undefined;
  let running: ReturnType<typeof Start> | undefined;
  let finished: { readonly profile: Profile; readonly steps: number } | undefined;
  const stop = () => {
    if (running === undefined) return;
    finished = { profile: running.stop(), steps: seen - skip };
    running = undefined;
  };
  const write = async () => {
    if (finished === undefined) return;
    const { profile: found, steps: recorded } = finished;
    finished = undefined;
    await atomicWrite(file, chromeTrace(found));
    onDone?.(found, recorded);
  };
  return {
    name: 'profile',
    async setup() {
      // Whoever only reads summaries and draws charts need not load the engine's room.
      ({ startProfiler } = await import('@man/ops'));
      if (skip === 0) running = startProfiler();
    },
    afterStep() {
      seen++;
      if (seen === skip) running = startProfiler?.();
      if (seen === skip + steps) stop();
    },
    onProgress: write,
    async onEpochEnd() {
      if (seen > skip) stop();
      await write();
    },
    dispose: stop,
  };
}

/** A profile in Chrome's trace event format. */
export function chromeTrace({ events }: Profile): string {
  const traceEvents = events.map(({ name, kind, startUs, durationUs, bytes, shapes }) => ({
    ...{ name, cat: kind, ph: 'X', pid: 1, tid: 1, ts: startUs, dur: durationUs },
    ...(kind === 'span' ? {} : { args: { bytes, shapes: shapes.map((shape) => shape.join('×')).join(', ') } }),
  }));
  return JSON.stringify({ displayTimeUnit: 'ms', traceEvents });
}

/**
 * A profile for people: per operation its calls, total and own milliseconds of one step, share of the time, and the bytes it made.
 *
 * @param steps how many steps were recorded; the numbers are of one
 */
export function profileTable(found: Profile, steps = 1): string {
  const rows = found.rows.filter(({ kind }) => kind !== 'span');
  const own = rows.reduce((sum, { selfMs }) => sum + selfMs, 0);
  const stepMs = found.durationUs / 1000 / steps;
  const overhead = {
    name: 'JavaScript, waiting for data',
    calls: 0,
    totalMs: stepMs * steps - own,
    selfMs: stepMs * steps - own,
    bytes: 0,
  };
  const decimal = (value: number) => value.toFixed(value < 10 ? 2 : 1);
  return textTable(
    [...rows.filter(({ selfMs }) => selfMs > 0.001 * own), overhead],
    [
      { heading: 'operation', value: ({ name }) => name },
      { heading: 'calls', value: ({ calls }) => (calls === 0 ? null : Math.round(calls / steps)), align: 'right' },
      { heading: 'total ms', value: ({ totalMs }) => decimal(totalMs / steps), align: 'right' },
      { heading: 'own ms', value: ({ selfMs }) => decimal(selfMs / steps), align: 'right' },
      { heading: 'share', value: ({ selfMs }) => `${((100 * selfMs) / (stepMs * steps)).toFixed(1)} %`, align: 'right' },
      { heading: 'results', value: ({ bytes }) => (bytes === 0 ? null : formatBytes(bytes / steps)), align: 'right' },
    ],
  );
}
