/**
 * Measures speed and memory of training steps on this machine, against PyTorch's in the same run: `npm run bench`, or
 * `npm run bench -- --quick`. Prints a table, writes JSON, and compares with tools/bench/baseline.json.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { textTable } from '@man/track';
import { findPeer } from './contender.ts';
import { type Figure, measure } from './figures.ts';

const BASELINE = fileURLToPath(new URL('baseline.json', import.meta.url));
/** Beyond this share a figure is called worse than the baseline; machines are noisy. */
const NOISE = 0.1;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    out: { type: 'string', default: 'outputs/bench.json' },
    'update-baseline': { type: 'boolean', default: false },
  },
});

/** What a run leaves behind; the baseline is one. */
interface Result {
  readonly machine: object;
  readonly versions: object;
  readonly quick: boolean;
  readonly rounds: number;
  readonly figures: readonly Figure[];
}

const tell = (text: string) => process.stderr.write(`${text}\n`);
const python = findPeer();
if (python === undefined) tell('PyTorch: not found, its columns stay empty; set MAN_PEER_PYTHON (tools/peer/README.md)');
const rounds = Number(values.rounds ?? (values.quick ? 2 : 5));
const started = performance.now();
const figures: Figure[] = [];
for await (const figure of measure({ python, rounds, quick: values.quick, tell })) figures.push(figure);

const result: Result = { machine: machine(), versions: versions(), quick: values.quick, rounds, figures };
for (const file of [values.out, ...(values['update-baseline'] ? [BASELINE] : [])]) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
}
process.stdout.write(`${table(figures, readBaseline())}\n`);
tell(`${values.out}, ${((performance.now() - started) / 60_000).toFixed(1)} minutes`);

function readBaseline(): Result | undefined {
  return existsSync(BASELINE) ? (JSON.parse(readFileSync(BASELINE, 'utf8')) as Result) : undefined;
}

function table(all: readonly Figure[], baseline: Result | undefined): string {
  return textTable(all, [
    { heading: 'figure', value: ({ what }) => what },
    { heading: 'here', value: ({ value, unit }) => show(value, unit), align: 'right' },
    { heading: 'must reach', value: ({ target, unit }) => targetText(target, unit), align: 'right' },
    { heading: '', value: ({ value, target }) => (value === null ? '' : isReached(value, target) ? 'yes' : 'NO') },
    { heading: 'baseline', value: (figure) => compare(figure, baseline) },
    { heading: 'measured', value: ({ detail }) => detail },
  ]);
}

function show(value: number | null, unit: Figure['unit']): string | null {
  if (value === null) return null;
  const digits = unit === '×' || unit === '%' ? 2 : 0;
  return `${value.toFixed(digits)}${unit === '×' || unit === '%' ? '' : ' '}${unit === 'tensors' || unit === 'operations' ? '' : unit}`.trim();
}

function targetText(target: Figure['target'], unit: Figure['unit']): string {
  return 'atLeast' in target ? `≥ ${show(target.atLeast, unit)}` : `≤ ${show(target.atMost, unit)}`;
}

function isReached(value: number, target: Figure['target']): boolean {
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

/** The same figure of the baseline, and whether ours is worse by more than noise. */
function compare({ id, value, target, unit }: Figure, baseline: Result | undefined): string {
  const before = baseline?.figures.find((figure) => figure.id === id)?.value;
  if (before === undefined || before === null || value === null) return '';
  const isWorse = 'atLeast' in target ? value < before * (1 - NOISE) : value > before * (1 + NOISE);
  return `${show(before, unit)}${isWorse ? ', worse' : ''}`;
}

function machine(): object {
  return {
    processor: cpus()[0]?.model,
    processors: cpus().length,
    memoryBytes: totalmem(),
    platform: process.platform,
    arch: process.arch,
  };
}

/** Node, and what man-native left in the package it built. */
function versions(): object {
  const stamp = createRequire(import.meta.url)('@tensorflow/tfjs-node-gpu/lib/man-native.json') as {
    readonly tensorflow: string;
    readonly packageVersion: string;
    readonly kernels?: { readonly instructions?: string };
  };
  const torch = python === undefined ? null : spawnSync(python, ['-c', 'import torch; print(torch.__version__)']).stdout.toString().trim();
  return {
    node: process.version,
    tfjs: stamp.packageVersion,
    tensorflow: stamp.tensorflow,
    kernels: stamp.kernels?.instructions ?? null,
    torch,
  };
}
