import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A training step to be timed: ours or PyTorch's. */
export interface Setting {
  readonly method: 'e2e' | 'infopro' | 'man';
  readonly depth: number;
  readonly blocks: number;
  readonly batch: number;
  /** Channels of the first stage; default 16. */
  readonly width?: number;
}

/** PyTorch's memory formats: the fast one, and the default one, which the authors' release runs with. */
export const FORMATS = ['channels_last', 'contiguous'] as const;
export type Format = (typeof FORMATS)[number];

/** What one of our processes or PyTorch's says of some steps. */
export interface Steps {
  readonly step_ms: readonly number[];
  readonly peak_above_idle_mb: number;
  readonly peak_tensor_bytes?: number;
  readonly peak_activation_bytes?: number;
  readonly operations?: number;
}

/** A process that waits for questions, so that rounds can alternate. */
export interface Contender {
  readonly name: string;
  /** Answers one line with one JSON object. */
  ask<T>(question: string): Promise<T>;
  end(): Promise<void>;
}

const folder = fileURLToPath(new URL('.', import.meta.url));

export function ours(setting: Setting): Contender {
  return contender('ours', 'npx', ['tsx', `${folder}step-worker.ts`, ...flags(setting)]);
}

export function peer(python: string, setting: Setting, format: Format): Contender {
  const options = ['--threads', `${cpus().length}`, '--memory-format', format, '--warmup', '1', '--interactive'];
  return contender(`PyTorch ${format}`, python, [`${folder}../peer/bench.py`, ...flags(setting), ...options]);
}

function flags({ method, depth, blocks, batch, width = 16 }: Setting): string[] {
  return ['--method', method, '--depth', `${depth}`, '--blocks', `${blocks}`, '--batch', `${batch}`, '--width', `${width}`];
}

function contender(name: string, command: string, args: string[]): Contender {
  const env = { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --expose-gc` };
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env }) as unknown as ChildProcessWithoutNullStreams;
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${name} ended before it answered`);
    return JSON.parse(value) as unknown;
  };
  const ready = next();
  ready.catch(() => {});
  return {
    name,
    async ask<T>(question: string) {
      await ready;
      child.stdin.write(`${question}\n`);
      return (await next()) as T;
    },
    async end() {
      child.stdin.end('quit\n');
      await ended;
    },
  };
}

/** A Python with PyTorch: MAN_PEER_PYTHON, the environment that tools/peer/README.md makes, or python3. */
export function findPeer(): string | undefined {
  const candidates = [process.env.MAN_PEER_PYTHON, `${process.env.HOME}/.venvs/man-peer/bin/python`, 'python3'];
  return candidates.find((candidate) => candidate !== undefined && spawnSync(candidate, ['-c', 'import torch']).status === 0);
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
