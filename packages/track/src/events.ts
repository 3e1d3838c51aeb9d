import { createReadStream } from 'node:fs';
import type { EpochReport, StepMetrics } from '@man/core';
import { damagedEvents, readFailed } from './errors.ts';

/** What a caller wants to find at the head of its event file: anything JSON can say. */
export type EventHeader = Readonly<Record<string, unknown>>;

/** A run begins, or goes on where an earlier one with the same file ended. */
export interface StartEvent {
  readonly type: 'start';
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly header: EventHeader;
  readonly seed: number | string;
  readonly blocks: number;
  /** Epochs and steps that were done before: 0, or where a resumed run goes on. What an earlier part has beyond them is done again. */
  readonly epoch?: number;
  readonly steps?: number;
}

/** A step, one array item per block; numbers have seven significant digits. */
export interface StepEvent {
  readonly type: 'step';
  readonly step: number;
  readonly epoch: number;
  readonly examples: number;
  readonly learningRate: number;
  readonly loss: readonly number[];
  readonly accuracy: readonly (number | null)[];
  /** Parts of the losses by name; null for blocks whose loss has no such part. Left out where no loss has parts. */
  readonly terms?: Readonly<Record<string, readonly (number | null)[]>>;
}

/** An epoch ended. */
export interface EpochEvent extends EpochReport {
  readonly type: 'epoch';
  readonly time: string;
}

/** The run failed. */
export interface ErrorEvent {
  readonly type: 'error';
  readonly time: string;
  readonly message: string;
  /** `MAN_*` or a system's code. */
  readonly code?: string;
  readonly hint?: string;
  readonly stack?: string;
}

/** A line of an event file. */
export type RunEvent = StartEvent | StepEvent | EpochEvent | ErrorEvent;

/** A step without what a reader can reconstruct: per-block values by column. */
export function stepEvent(step: StepMetrics): StepEvent {
  const names = [...new Set(step.blocks.flatMap(({ terms }) => Object.keys(terms)))];
  const column = (name: string) => step.blocks.map(({ terms }) => (Object.hasOwn(terms, name) ? short(terms[name] as number) : null));
  return {
    type: 'step',
    step: step.step,
    epoch: step.epoch,
    examples: step.examples,
    learningRate: step.learningRate,
    loss: step.blocks.map(({ loss }) => short(loss)),
    accuracy: step.blocks.map(({ accuracy }) => (accuracy === null ? null : short(accuracy))),
    ...(names.length === 0 ? {} : { terms: Object.fromEntries(names.map((name) => [name, column(name)])) }),
  };
}

/** JSON has no NaN or infinity, and a diverging run is when they matter: they are written as these words. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'number' && !Number.isFinite(each) ? String(each) : each));
}

/** An event as a line. */
export function encodeEvent(event: RunEvent): string {
  return `${jsonText(event)}\n`;
}

/** The event of a line, undefined for a type that this version does not know. @throws SyntaxError for anything else */
export function decodeEvent(line: string): RunEvent | undefined {
  const event: unknown = JSON.parse(line);
  if (typeof event !== 'object' || event === null || !('type' in event) || typeof event.type !== 'string')
    throw new SyntaxError('not an event');
  if (!TYPES.has(event.type)) return undefined;
  if (event.type === 'epoch' && !('blocks' in event && Array.isArray(event.blocks))) throw new SyntaxError('an epoch without blocks');
  // Only these two hold measurements; in a header the word stays a word.
  const measured = event.type === 'step' || event.type === 'epoch';
  return measured && /"(?:NaN|-?Infinity)"/.test(line) ? JSON.parse(line, number) : (event as RunEvent);
}

/**
 * The events of a file that {@link eventLog} wrote, one by one in constant memory.
 *
 * An incomplete last line, which is what a killed run leaves, is passed over; so are types of events that later versions may add.
 *
 * @throws MAN_TRACK_READ_FAILED
 * @throws MAN_TRACK_EVENTS_DAMAGED naming file and line
 * @example
 * ```ts
 * for await (const event of readEvents('runs/a/events.jsonl')) {
 *   if (event.type === 'epoch') epochs.push(event);
 * }
 * ```
 */
export async function* readEvents(file: string): AsyncGenerator<RunEvent, void, undefined> {
  let number = 0;
  // A line that is not JSON is tolerated only if nothing follows it.
  let damage: { line: number; cause: unknown } | undefined;
  for await (const line of linesOf(file)) {
    number++;
    if (line.trim() === '') continue;
    if (damage !== undefined) throw damagedEvents(file, damage.line, damage.cause);
    let event: RunEvent | undefined;
    try {
      event = decodeEvent(line);
    } catch (cause) {
      damage = { line: number, cause };
      continue;
    }
    if (event !== undefined) yield event;
  }
}

async function* linesOf(file: string): AsyncGenerator<string, void, undefined> {
  const stream = createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 16 });
  let rest: string[] = [];
  try {
    for await (const chunk of stream) {
      const lines = (chunk as string).split('\n');
      const last = lines.pop() as string;
      if (lines.length > 0) {
        yield rest.join('') + lines[0];
        yield* lines.slice(1);
        rest = [];
      }
      rest.push(last);
    }
  } catch (error) {
    throw readFailed(file, error);
  }
  if (rest.some((part) => part !== '')) yield rest.join('');
}

const TYPES = new Set(['start', 'step', 'epoch', 'error']);

function number(_key: string, value: unknown): unknown {
  if (value === 'NaN') return Number.NaN;
  if (value === 'Infinity') return Number.POSITIVE_INFINITY;
  return value === '-Infinity' ? Number.NEGATIVE_INFINITY : value;
}

/** Seven digits are what a float32 is worth. */
function short(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(7)) : value;
}
