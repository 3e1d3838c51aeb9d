import * as tf from '@tensorflow/tfjs';

/** One operation that ran, or a span around several. */
export interface ProfileEvent {
  readonly name: string;
  /** `operation` is what an engine executes, `kernel` a tfjs kernel around it, `span` a part of a training step. */
  readonly kind: 'operation' | 'kernel' | 'span';
  /** Microseconds since the profile was started. */
  readonly startUs: number;
  readonly durationUs: number;
  /** Without what ran inside. */
  readonly selfUs: number;
  /** Bytes of its results; 0 for spans. */
  readonly bytes: number;
  /** Shapes of its results. */
  readonly shapes: readonly (readonly number[])[];
}

/** What ran while a profile was taken, in the order in which it ended. */
export interface Profile {
  readonly events: readonly ProfileEvent[];
  /** The same by name, the longest first by their own time. */
  readonly rows: readonly ProfileRow[];
  readonly durationUs: number;
}

/** All calls of one name. */
export interface ProfileRow {
  readonly name: string;
  readonly kind: ProfileEvent['kind'];
  readonly calls: number;
  readonly totalMs: number;
  readonly selfMs: number;
  readonly bytes: number;
}

interface Open {
  readonly name: string;
  readonly kind: ProfileEvent['kind'];
  readonly startUs: number;
  insideUs: number;
}

interface Recording {
  readonly startMs: number;
  readonly events: ProfileEvent[];
  readonly open: Open[];
  restore(): void;
}

let recording: Recording | undefined;

/**
 * Records every operation from now on until `stop` is called: times as the calling thread sees them, results in bytes. On TensorFlow's
 * CPU engine and WebAssembly operations run to their end before they return; on a GPU the times are those of handing them over.
 *
 * One at a time: a second start ends the first one.
 *
 * @example
 * ```ts
 * const profiler = startProfiler();
 * trainer.step(batch);
 * const { rows } = profiler.stop();
 * ```
 */
export function startProfiler(): { stop(): Profile } {
  recording?.restore();
  const own: Recording = { startMs: performance.now(), events: [], open: [], restore: intercept() };
  recording = own;
  return {
    stop() {
      const durationUs = sinceUs(own);
      own.restore();
      if (recording === own) recording = undefined;
      return { events: own.events, rows: rowsOf(own.events), durationUs };
    },
  };
}

/** Runs `f` as a part of a step with a name of its own in a profile; costs nothing while nobody records. */
export function span<T>(name: string, f: () => T): T {
  return recording === undefined ? f() : record(name, 'span', f);
}

function rowsOf(events: readonly ProfileEvent[]): ProfileRow[] {
  const rows = new Map<string, { -readonly [K in keyof ProfileRow]: ProfileRow[K] }>();
  for (const { name, kind, durationUs, selfUs, bytes } of events) {
    const key = `${kind}:${name}`;
    const row = rows.get(key) ?? { name, kind, calls: 0, totalMs: 0, selfMs: 0, bytes: 0 };
    row.calls++;
    row.totalMs += durationUs / 1000;
    row.selfMs += selfUs / 1000;
    row.bytes += bytes;
    rows.set(key, row);
  }
  return [...rows.values()].sort((a, b) => b.selfMs - a.selfMs);
}

const sinceUs = ({ startMs }: Recording) => (performance.now() - startMs) * 1000;

function record<T>(name: string, kind: ProfileEvent['kind'], f: () => T): T {
  const own = recording as Recording;
  const entry: Open = { name, kind, startUs: sinceUs(own), insideUs: 0 };
  own.open.push(entry);
  let results: readonly tf.Tensor[] = [];
  try {
    const result = f();
    if (kind !== 'span') results = ([result].flat() as unknown[]).filter((item) => item instanceof tf.Tensor);
    return result;
  } finally {
    own.open.pop();
    const durationUs = sinceUs(own) - entry.startUs;
    const around = own.open[own.open.length - 1];
    if (around !== undefined) around.insideUs += durationUs;
    own.events.push({
      ...{ name, kind, startUs: entry.startUs, durationUs, selfUs: durationUs - entry.insideUs },
      bytes: results.reduce((sum, { size, dtype }) => sum + size * tf.util.bytesPerElement(dtype), 0),
      shapes: results.map(({ shape }) => shape),
    });
  }
}

type Method = (...all: unknown[]) => unknown;

/** Puts the recorder around tfjs's kernels and, where the engine has them, TensorFlow's operations; returns what takes it away. */
function intercept(): () => void {
  const undo: (() => void)[] = [];
  const wrap = (target: object, method: string, kind: ProfileEvent['kind'], nameOf: (first: unknown) => string | undefined) => {
    const holder = target as Record<string, Method>;
    const isOwn = Object.hasOwn(holder, method);
    const original = holder[method];
    if (original === undefined) return;
    holder[method] = (...all) => {
      const name = nameOf(all[0]);
      return recording === undefined || name === undefined
        ? original.apply(target, all)
        : record(name, kind, () => original.apply(target, all));
    };
    undo.push(() => {
      if (isOwn) holder[method] = original;
      else delete holder[method];
    });
  };
  wrap(tf.engine(), 'runKernelFunc', 'kernel', (call) => (call as { kernelName?: string }).kernelName);
  for (const method of ['executeSingleOutput', 'executeMultipleOutputs']) wrap(tf.backend(), method, 'operation', (name) => name as string);
  return () => {
    for (const step of undo.splice(0)) step();
  };
}
