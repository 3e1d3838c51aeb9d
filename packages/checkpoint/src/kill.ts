import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setImmediate, setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { KillRun } from './kill-child.ts';

/** What a process of the run said: the step it began behind, and the last one it took. */
export interface Life {
  readonly from: number;
  readonly last: number;
  readonly isDone: boolean;
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The lives of a run so far. */
export function livesOf({ folder }: KillRun): Life[] {
  const lines = existsSync(`${folder}.steps`) ? readFileSync(`${folder}.steps`, 'utf8').trim().split('\n') : [];
  const lives: { from: number; last: number; isDone: boolean }[] = [];
  for (const line of lines) {
    const from = /^from (\d+)$/.exec(line)?.[1];
    if (from !== undefined) lives.push({ from: Number(from), last: Number(from), isDone: false });
    else if (line === 'done') (lives.at(-1) as { isDone: boolean }).isDone = true;
    else (lives.at(-1) as { last: number }).last = Number(line);
  }
  return lives;
}

/** When a run is killed. */
export interface Moment {
  /** So long behind its first sign of life. */
  readonly afterMs: number;
  /** Then within the next writing of a checkpoint; default false. */
  readonly isAmidWriting?: boolean;
}

/** Starts the run, or makes it go on, and kills it at that moment; without one it is let live. */
export async function live(run: KillRun, moment: Moment | null): Promise<void> {
  const before = livesOf(run).length;
  const { child, ended } = runAsProcess('kill-child.ts', [run.folder, String(run.every), String(run.epochs), String(run.width)]);
  if (moment !== null) {
    let isOver = false;
    ended.finally(() => {
      isOver = true;
    });
    while (livesOf(run).length === before && !isOver) await wait(5);
    await Promise.race([ended, wait(moment.afterMs)]);
    while (moment.isAmidWriting === true && !isOver && halvesIn(run.folder) === 0) await setImmediate();
    child.kill('SIGKILL');
  }
  const { code, problems } = await ended;
  if (code !== 0 && code !== null) throw new Error(`the run ended with ${code}: ${problems.slice(-2000)}`);
}

/** Files of a folder that are not written to their end. */
export function halvesIn(folder: string): number {
  return readdirSync(folder).filter((name) => name.endsWith('.tmp')).length;
}

/** Runs a program that stands beside this file, from its source, behind other words of a command where there are any. */
export function runAsProcess(file: string, args: readonly string[], before: readonly string[] = []) {
  const program = fileURLToPath(new URL(file, import.meta.url));
  const [command, ...rest] = [...before, process.execPath, '--import', 'tsx', program, ...args] as [string, ...string[]];
  const child = spawn(command, rest, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TSX_TSCONFIG_PATH: `${ROOT}tsconfig.base.json`, NODE_OPTIONS: '' },
  });
  let [stdout, problems] = ['', ''];
  child.stdout.on('data', (text: Buffer) => {
    stdout += text.toString();
  });
  child.stderr.on('data', (text: Buffer) => {
    problems += text.toString();
  });
  const ended = new Promise<{ code: number | null; stdout: string; problems: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, problems }));
  });
  return { child, ended };
}
