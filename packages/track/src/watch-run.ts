import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { decodeEvent, type RunEvent } from './events.ts';

/** What the live page shows of a run. */
export interface LiveRun {
  /** Folder of the run, relative to the one that is watched. */
  readonly id: string;
  readonly blocks: number;
  readonly step: number;
  readonly epoch: number;
  readonly epochs: number | null;
  readonly state: 'running' | 'done' | 'failed';
  readonly problem: string | null;
  /** ISO 8601, of the last event with a time. */
  readonly time: string | null;
  /** Per row: step, then the mean loss of each block over the steps since the row before. */
  readonly losses: readonly (readonly (number | null)[])[];
  /** Per row: step, test accuracy, images per second, peak bytes of tensors. */
  readonly epochRows: readonly (readonly (number | null)[])[];
}

/** Rows of a curve: twice as many are halved by joining neighbours. */
const MOST_ROWS = 400;
/** Read at once, so that a long file costs no more memory than a short one. */
const CHUNK_BYTES = 1 << 16;

interface Row {
  readonly step: number;
  readonly sums: Float64Array;
  readonly steps: number;
}

/** Follows the event file of a run, reading only what is new; a file that begins anew, or a run that is resumed, is followed as well. */
export class RunFollower {
  readonly #file: string;
  readonly #id: string;
  #offset = 0;
  #inode = 0;
  #rest = '';
  #rows: Row[] = [];
  /** Steps that a row stands for, once curves are long. */
  #perRow = 1;
  #epochRows: (readonly (number | null)[])[] = [];
  #about: Pick<LiveRun, 'blocks' | 'step' | 'epoch' | 'epochs' | 'state' | 'problem' | 'time'> = FRESH;

  constructor(file: string, id: string) {
    this.#file = file;
    this.#id = id;
  }

  /** Reads on. @returns whether there was anything new */
  poll(): boolean {
    let descriptor: number;
    try {
      descriptor = openSync(this.#file, 'r');
    } catch {
      return false;
    }
    try {
      const { size, ino } = fstatSync(descriptor);
      if (size < this.#offset || ino !== this.#inode) this.#reset(ino);
      const begun = this.#offset;
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      while (this.#offset < size) {
        const read = readSync(descriptor, chunk, 0, Math.min(CHUNK_BYTES, size - this.#offset), this.#offset);
        if (read === 0) break;
        this.#offset += read;
        // Bytes, not characters: a chunk may end within one. latin1 keeps them apart until the line is whole.
        this.#take(chunk.toString('latin1', 0, read));
      }
      return this.#offset !== begun;
    } finally {
      closeSync(descriptor);
    }
  }

  snapshot(): LiveRun {
    const losses = this.#rows.map(({ step, sums, steps }) => [step, ...Array.from(sums, (sum) => rounded(sum / steps))]);
    return { id: this.#id, ...this.#about, losses, epochRows: this.#epochRows };
  }

  #reset(inode: number): void {
    this.#inode = inode;
    this.#offset = 0;
    this.#rest = '';
    this.#rows = [];
    this.#perRow = 1;
    this.#epochRows = [];
    this.#about = FRESH;
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() as string;
    for (const line of lines) {
      try {
        const event = decodeEvent(Buffer.from(line, 'latin1').toString('utf8'));
        if (event !== undefined) this.#add(event);
      } catch {
        // The half line of a process that was killed; the page goes on behind it.
      }
    }
  }

  #add(event: RunEvent): void {
    if ('time' in event) this.#about = { ...this.#about, time: event.time };
    if (event.type === 'start') this.#restart(event.steps ?? 0, event.blocks);
    else if (event.type === 'step') this.#addStep(event.step, event.loss, event.epoch);
    else if (event.type === 'epoch') this.#addEpoch(event);
    else this.#about = { ...this.#about, state: 'failed', problem: event.message };
  }

  /** What is beyond the steps that a resumed run has behind it is done again. */
  #restart(steps: number, blocks: number): void {
    this.#rows = blocks === this.#about.blocks ? this.#rows.filter(({ step }) => step <= steps) : [];
    this.#epochRows = this.#epochRows.filter(([step]) => (step as number) <= steps);
    this.#about = { ...this.#about, blocks, step: steps, state: 'running', problem: null };
  }

  #addStep(step: number, loss: readonly number[], epoch: number): void {
    this.#about = { ...this.#about, step, epoch, state: 'running' };
    const last = this.#rows.at(-1);
    if (last !== undefined && last.steps < this.#perRow)
      this.#rows[this.#rows.length - 1] = joined(last, { step, sums: Float64Array.from(loss), steps: 1 });
    else this.#rows.push({ step, sums: Float64Array.from(loss), steps: 1 });
    if (this.#rows.length <= 2 * MOST_ROWS) return;
    this.#perRow *= 2;
    this.#rows = this.#rows.flatMap((row, i, rows) =>
      i % 2 === 1 ? [joined(rows[i - 1] as Row, row)] : i === rows.length - 1 ? [row] : [],
    );
  }

  #addEpoch({ epoch, epochs, evaluation, imagesPerSecond, peakTensorBytes }: Extract<RunEvent, { type: 'epoch' }>): void {
    this.#epochRows = [...this.#epochRows, [this.#about.step, evaluation?.accuracy ?? null, rounded(imagesPerSecond), peakTensorBytes]];
    this.#about = { ...this.#about, epoch, epochs, state: epoch >= epochs ? 'done' : 'running' };
  }
}

const FRESH = { blocks: 0, step: 0, epoch: 0, epochs: null, state: 'running', problem: null, time: null } as const;

function joined(a: Row, b: Row): Row {
  return { step: b.step, sums: a.sums.map((sum, i) => sum + (b.sums[i] ?? Number.NaN)), steps: a.steps + b.steps };
}

/** Five digits are more than a curve shows; what is not finite is a gap. */
function rounded(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(5)) : null;
}
