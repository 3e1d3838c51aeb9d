import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { workerFailed, workerSilent } from './errors.ts';
import { STOP_MESSAGE } from './stop.ts';

const PROGRAM = fileURLToPath(new URL('../bin/man-reproduce.js', import.meta.url));

/** A process of this program, and what became of it. */
export interface Worker {
  /** Asks it to end after the running step. */
  stop(): void;
  /** Ends it at once. */
  kill(): void;
  /** The last line of its stdout, read as JSON; null where it was stopped before there was one. */
  readonly result: Promise<unknown>;
}

/**
 * Runs `man-reproduce` once more, in a process of its own: a crash or a leak cannot hurt the next run, and its peak of resident memory is
 * its own. What it says to people goes where our own words go.
 *
 * @param label what to call it in errors
 * @throws (as rejection of `result`) MAN_REPRODUCE_WORKER, MAN_REPRODUCE_WORKER_RESULT
 */
export function startWorker(label: string, args: readonly string[]): Worker {
  const child = spawn(process.execPath, [...process.execArgv, PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  let isStopped = false;
  return {
    stop() {
      isStopped = true;
      // Fails where it has ended by itself.
      if (child.connected) child.send(STOP_MESSAGE, () => {});
    },
    kill: () => child.kill('SIGKILL'),
    result: outcome(child).then(({ printed, code, signal }) => {
      const line = printed.trimEnd().split('\n').at(-1) ?? '';
      if (code !== 0 && line === '' && isStopped) return null;
      if (code !== 0 && line === '') throw workerFailed(label, signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`);
      return parse(label, line);
    }),
  };
}

function outcome(child: ChildProcess): Promise<{ printed: string; code: number | null; signal: NodeJS.Signals | null }> {
  let printed = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ printed, code, signal }));
  });
}

function parse(label: string, line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw workerSilent(label, line);
  }
}

/** A text as the value of an override. */
export function quoted(text: string): string {
  return `'${text.replace(/\\|'|\$(?=\{)/g, '\\$&')}'`;
}
