import { closeSync, openSync, readFileSync, readSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { openForAppending, syncQuietly, writeFully } from './append-file.ts';
import { writeFailed } from './errors.ts';
import { createRun, type MlflowMetric, type MlflowServer, type MlflowStart, MOST_METRICS, request } from './mlflow-api.ts';

/** A line of the spool: metrics, or the end of the run. */
type Entry =
  | { readonly metrics: readonly MlflowMetric[] }
  | { readonly status: 'FINISHED' | 'FAILED' | 'KILLED'; readonly endTime: number };

/** How far delivery is; beside the spool, so that a process that is killed loses nothing. */
interface Delivered {
  readonly runId: string | null;
  /** Bytes of the spool that the server has. */
  readonly bytes: number;
}

/**
 * What waits for a server, in a file: everything is written there first and counts as delivered when the server has said so. A line may
 * reach it twice, where the process dies in between; MLflow keeps equal metrics once.
 */
export class Spool {
  readonly #file: string;
  readonly #descriptor: number;

  constructor(file: string) {
    this.#file = file;
    try {
      this.#descriptor = openForAppending(file);
      // A killed process may leave half a line; ended, it is passed over.
      const size = statSync(file).size;
      if (size > 0 && this.#read(size - 1, size) !== '\n') writeFully(this.#descriptor, '\n');
    } catch (cause) {
      throw writeFailed(file, cause);
    }
  }

  add(entry: Entry): void {
    try {
      writeFully(this.#descriptor, `${JSON.stringify(entry)}\n`);
    } catch (cause) {
      throw writeFailed(this.#file, cause);
    }
  }

  sync(): void {
    syncQuietly(this.#descriptor);
  }

  /** Sends what the server does not have yet. @throws as `request`; what was sent before stays sent */
  async deliver(server: MlflowServer, start: MlflowStart): Promise<void> {
    const waiting = statSync(this.#file).size;
    let { runId, bytes } = this.#delivered();
    if (runId === null) {
      runId = await createRun(server, start);
      this.#remember({ runId, bytes });
    }
    while (bytes < waiting) {
      const { entries, end } = this.#entriesFrom(bytes, waiting);
      const metrics = entries.flatMap((entry) => ('metrics' in entry ? entry.metrics : []));
      for (let at = 0; at < metrics.length; at += MOST_METRICS)
        await request(server, 'POST', 'runs/log-batch', { run_id: runId, metrics: metrics.slice(at, at + MOST_METRICS) });
      const ending = entries.find((entry) => 'status' in entry);
      if (ending !== undefined)
        await request(server, 'POST', 'runs/update', { run_id: runId, status: ending.status, end_time: ending.endTime });
      bytes = end;
      this.#remember({ runId, bytes });
    }
  }

  /** The last step that was spooled by an earlier process, 0 for none. */
  lastStep(): number {
    const lines = readFileSync(this.#file, 'utf8').split('\n');
    return lines
      .map(entryOf)
      .reduce((last, entry) => (entry !== null && 'metrics' in entry ? Math.max(last, ...entry.metrics.map(({ step }) => step)) : last), 0);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** Whole lines from a place on, up to about what one request takes; a line that ends the run ends them, too. */
  #entriesFrom(from: number, to: number): { entries: readonly Entry[]; end: number } {
    const lines = this.#read(from, Math.min(to, from + (1 << 20))).split('\n');
    const entries: Entry[] = [];
    let [end, metrics] = [from, 0];
    for (const line of lines.slice(0, -1)) {
      end += Buffer.byteLength(line) + 1;
      const entry = entryOf(line);
      if (entry === null) continue;
      entries.push(entry);
      if ('status' in entry) break;
      metrics += entry.metrics.length;
      if (metrics >= MOST_METRICS) break;
    }
    // No whole line in a megabyte: nothing that this class writes.
    return { entries, end: end === from ? to : end };
  }

  #read(from: number, to: number): string {
    const descriptor = openSync(this.#file, 'r');
    try {
      const bytes = Buffer.alloc(to - from);
      return bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, bytes.length, from));
    } finally {
      closeSync(descriptor);
    }
  }

  #delivered(): Delivered {
    try {
      return JSON.parse(readFileSync(`${this.#file}.delivered`, 'utf8')) as Delivered;
    } catch {
      return { runId: null, bytes: 0 };
    }
  }

  #remember(delivered: Delivered): void {
    const name = `${this.#file}.delivered`;
    writeFileSync(`${name}.tmp`, JSON.stringify(delivered));
    renameSync(`${name}.tmp`, name);
  }
}

function entryOf(line: string): Entry | null {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === 'object' && entry !== null && ('metrics' in entry || 'status' in entry) ? (entry as Entry) : null;
  } catch {
    return null;
  }
}
