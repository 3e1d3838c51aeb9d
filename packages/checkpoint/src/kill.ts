import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { KillRun } from './kill-child.ts';

/** What a process of the run said: the step it began behind, and the last one it took. */
export interface Life {
  readonly from: number;
  readonly last: number;
  readonly isDone: boolean;
}

const CHILD = fileURLToPath(new URL('kill-child.ts', import.meta.url));
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

/** Starts the run, or makes it go on, and kills it so long behind its first step; without a time it is let live. */
export async function live(run: KillRun, killAfterMs: number | null): Promise<void> {
  const before = livesOf(run).length;
  const args = ['--import', 'tsx', CHILD, run.folder, String(run.every), String(run.epochs), String(run.width)];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TSX_TSCONFIG_PATH: `${ROOT}tsconfig.base.json`, NODE_OPTIONS: '' },
  });
  let problems = '';
  child.stderr.on('data', (text: Buffer) => {
    problems += text.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  if (killAfterMs !== null) {
    const isOver = ended.then(() => true);
    while (livesOf(run).length === before && !(await Promise.race([isOver, wait(5)])));
    await Promise.race([isOver, wait(killAfterMs)]);
    child.kill('SIGKILL');
  }
  const code = await ended;
  if (code !== 0 && code !== null) throw new Error(`the run ended with ${code}: ${problems.slice(-2000)}`);
}

const wait = (ms: number) => new Promise<false>((resolve) => setTimeout(() => resolve(false), ms));
