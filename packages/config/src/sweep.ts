import { isManError } from '@man/base';
import { readTextFile } from './config-source.ts';
import { badSweep, tooBig } from './errors.ts';
import { limits } from './limits.ts';
import { expandFiles, parseOverride } from './override.ts';
import { type AxisValues, readAxis } from './sweep-axis.ts';

/** A key or group that a sweep varies. */
export interface Axis {
  /** As typed, with its prefix: `seed`, `+plugin`, `optim.lr`. */
  readonly key: string;
  readonly values: AxisValues;
}

/** Overrides of a sweep, read: what stays and what varies. */
export interface Sweep {
  readonly axes: readonly Axis[];
  /** Every override in the order typed: a text that stays, or the number of an axis. */
  readonly order: readonly (string | number)[];
}

/** One run of a sweep. */
export interface SweepJob {
  /** All overrides, in the order typed. */
  readonly overrides: readonly string[];
  /** Those that tell it from the other runs. */
  readonly varied: readonly string[];
}

/** What {@link readSweep} needs besides. */
export interface SweepOptions {
  /** The groups with their options, for `glob`: `listGroups(source)`. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** Reads the text of an `@file`. Default: from the file system. */
  readonly readText?: (path: string) => string;
}

/**
 * Reads the overrides of a sweep: those of `compose`, and for values that vary
 *
 * ```text
 * seed=1,2,3              loss=dgl,infopro          several values or options
 * seed=choice(1,2,3)                                the same
 * seed=range(5)           blocks=range(2,17,2)      0 … 4; from, up to but without, step
 * loss=glob(*)            loss=glob(dgl*,infopro*,exclude=*-release)   options by their names
 * lr=interval(0.01,1)     lr=interval(1e-4,1,log)   n=interval(1,9,int)    numbers to draw from
 * ```
 *
 * Single values are not checked against a schema: `compose` does that for each run.
 *
 * @throws `MAN_CONFIG_SWEEP`, `MAN_CONFIG_OVERRIDE`, `MAN_CONFIG_OVERRIDE_FILE`, `MAN_CONFIG_KEY`, `MAN_CONFIG_TOO_BIG`
 * @example
 * ```ts
 * import { gridJobs, readSweep } from '@man/config';
 *
 * const sweep = readSweep(['seed=1,2', 'loss=dgl,infopro', 'epochs=5'], { groups: new Map() });
 * const jobs = gridJobs(sweep); // four, the first with overrides ['seed=1', 'loss=dgl', 'epochs=5']
 * ```
 */
export function readSweep(texts: readonly string[], { groups, readText = readTextFile }: SweepOptions): Sweep {
  const axes: Axis[] = [];
  const order = expandFiles(texts, readText).map((text) => {
    const axis = axisOf(text.trim(), groups);
    return axis === null ? text.trim() : axes.push(axis) - 1;
  });
  const twice = axes.find(({ key }, i) => axes.findIndex((other) => bare(other.key) === bare(key)) !== i);
  if (twice !== undefined) throw badSweep(twice.key, 'it is varied twice', 'put all its values into one list');
  return { axes, order };
}

const bare = (key: string): string => key.replace(/^\++/, '');

function axisOf(text: string, groups: ReadonlyMap<string, readonly string[]>): Axis | null {
  const equals = text.indexOf('=');
  const isFixed = equals < 0 || text.startsWith('~') || text[equals - 1] === '+';
  const values = isFixed ? null : readAxis(text, equals + 1, groups.get(bare(text.slice(0, equals).trim())));
  if (values === null) {
    parseOverride(text);
    return null;
  }
  const key = text.slice(0, equals).trim();
  // A value that no override could have is better found before the first run than in the third one.
  if (values.kind === 'choice') for (const value of values.texts) checkValue(text, key, value);
  else parseOverride(`${key}=0`);
  return { key, values };
}

function checkValue(text: string, key: string, value: string): void {
  try {
    parseOverride(`${key}=${value}`);
  } catch (error) {
    if (!isManError(error, 'MAN_CONFIG_OVERRIDE')) throw error;
    throw badSweep(text, `the value ${JSON.stringify(value)} cannot be read: ${error.message}`, error.hint ?? '');
  }
}

/**
 * A run from one value for each axis.
 *
 * @param values as they would be typed behind `=`, in the order of `sweep.axes`
 */
export function sweepJob({ axes, order }: Sweep, values: readonly string[]): SweepJob {
  const varied = axes.map(({ key }, i) => `${key}=${values[i]}`);
  return { overrides: order.map((entry) => (typeof entry === 'string' ? entry : (varied[entry] as string))), varied };
}

/**
 * Every combination of all values; the last axis varies fastest.
 *
 * @throws `MAN_CONFIG_SWEEP` for an interval, which has no end of values; `MAN_CONFIG_TOO_BIG`
 */
export function gridJobs(sweep: Sweep): readonly SweepJob[] {
  const lists = sweep.axes.map(({ key, values }) => {
    if (values.kind === 'choice') return values.texts;
    throw badSweep(`${key}=interval(…)`, 'a grid needs values one by one', `type ${key}=range(from,to,step), or use a sweeper that draws`);
  });
  const count = lists.reduce((product, { length }) => product * length, 1);
  if (count > limits.jobs) throw tooBig('the sweep', `${count} runs`, limits.jobs);
  const combinations = lists.reduce<string[][]>((rows, list) => rows.flatMap((row) => list.map((value) => [...row, value])), [[]]);
  return combinations.map((values) => sweepJob(sweep, values));
}
