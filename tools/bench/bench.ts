/**
 * Times our training steps against PyTorch's (tools/peer) on this machine, in alternating rounds:
 * `npm run bench`, or `npm run bench -- --quick`. The peer's Python is MAN_PEER_PYTHON (see tools/peer/README.md);
 * without one, only our own times are printed.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { textTable } from '@man/track';

interface Row {
  readonly name: string;
  readonly method: 'e2e' | 'infopro' | 'man';
  readonly batch: number;
}

interface Answer {
  readonly step_ms: number[];
  readonly peak_above_idle_mb: number;
  readonly peak_tensor_bytes?: number;
  readonly operations?: number;
}

interface Contender {
  readonly name: string;
  readonly child: ChildProcessWithoutNullStreams;
  ask(steps: number): Promise<Answer>;
}

interface Speed {
  readonly imagesPerSecond: number;
  readonly rounds: number[];
  readonly peakResidentMb: number | null;
  readonly peakTensorMb: number | null;
  readonly operations: number | null;
}

interface Result {
  readonly row: Row;
  readonly contenders: Readonly<Record<string, Speed>>;
}

const ROWS: readonly Row[] = [
  { name: 'ResNet-32 end to end, batch 128', method: 'e2e', batch: 128 },
  { name: 'ResNet-32 InfoPro K=16, batch 128', method: 'infopro', batch: 128 },
  { name: 'ResNet-32 InfoPro+MAN K=16, batch 128', method: 'man', batch: 128 },
];
const FORMATS = ['channels_last', 'contiguous'] as const;
const folder = fileURLToPath(new URL('.', import.meta.url));

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    out: { type: 'string', default: 'outputs/bench.json' },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 2 : 5));
const python = findPeer();
if (python === undefined)
  process.stderr.write('peer: no Python with torch found; set MAN_PEER_PYTHON (tools/peer/README.md). Only our own times follow.\n');

const results: Result[] = [];
for (const row of ROWS) results.push(await measure(row));
report();

/** One row: every contender warmed up, then in turns. */
async function measure(row: Row): Promise<Result> {
  const contenders = start(row);
  const answers = new Map<string, Answer[]>(contenders.map(({ name }) => [name, []]));
  try {
    for (const contender of contenders) await contender.ask(2);
    for (let round = 1; round <= rounds; round++) {
      for (const contender of contenders) {
        // The first step behind another's turn finds cold caches and, for a while, the other's threads still spinning.
        await contender.ask(1);
        answers.get(contender.name)?.push(await contender.ask(values.quick ? 1 : 3));
      }
      process.stderr.write(`${row.name}: round ${round} of ${rounds}\n`);
    }
  } finally {
    for (const { child } of contenders) child.stdin.end('quit\n');
  }
  return { row, contenders: Object.fromEntries([...answers].map(([name, all]) => [name, summarise(row, all)])) };
}

function start(row: Row): Contender[] {
  const options = ['--method', row.method, '--batch', `${row.batch}`];
  const ours = contender('ours', 'npx', ['tsx', `${folder}step-worker.ts`, ...options]);
  if (python === undefined) return [ours];
  const formats = values.quick ? FORMATS.slice(0, 1) : FORMATS;
  const peers = formats.map((format) =>
    contender(`peer ${format}`, python, [
      `${folder}../peer/bench.py`,
      ...options,
      '--threads',
      `${cpus().length}`,
      '--memory-format',
      format,
      '--interactive',
    ]),
  );
  return [ours, ...peers];
}

function contender(name: string, command: string, args: string[]): Contender {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] }) as unknown as ChildProcessWithoutNullStreams;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${name} ended before it answered`);
    return JSON.parse(value) as unknown;
  };
  const ready = next();
  return {
    name,
    child,
    async ask(steps) {
      await ready;
      child.stdin.write(`go ${steps}\n`);
      return (await next()) as Answer;
    },
  };
}

function summarise(row: Row, answers: readonly Answer[]): Speed {
  const perRound = answers.map(({ step_ms }) => median(step_ms));
  const last = answers.at(-1);
  return {
    imagesPerSecond: (1000 * row.batch) / median(perRound),
    rounds: perRound.map((ms) => (1000 * row.batch) / ms),
    peakResidentMb: last?.peak_above_idle_mb ?? null,
    peakTensorMb: last?.peak_tensor_bytes === undefined ? null : last.peak_tensor_bytes / 1e6,
    operations: last?.operations ?? null,
  };
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** The median over rounds of our speed over the peer's in the same round. */
function ratio(ours: Speed, peer: Speed): number {
  return median(ours.rounds.map((speed, i) => speed / (peer.rounds[i] as number)));
}

function report(): void {
  const lines = results.flatMap(({ row, contenders }) =>
    Object.entries(contenders).map(([name, result]) => ({ row, name, result, ours: contenders.ours })),
  );
  const fixed = (value: number | null, digits = 0) => (value === null ? null : value.toFixed(digits));
  const table = textTable(lines, [
    { heading: 'step', value: ({ row, name }) => (name === 'ours' ? row.name : '') },
    { heading: 'by', value: ({ name }) => name },
    { heading: 'images/s', value: ({ result }) => fixed(result.imagesPerSecond, 1), align: 'right' },
    {
      heading: 'ours is',
      value: ({ name, result, ours }) => (name === 'ours' || !ours ? null : `${ratio(ours, result).toFixed(2)}×`),
      align: 'right',
    },
    { heading: 'peak resident MB', value: ({ result }) => fixed(result.peakResidentMb), align: 'right' },
    { heading: 'peak tensor MB', value: ({ result }) => fixed(result.peakTensorMb), align: 'right' },
    { heading: 'operations', value: ({ result }) => fixed(result.operations), align: 'right' },
  ]);
  process.stdout.write(`${table}\n`);
  const machine = { processor: cpus()[0]?.model, cores: cpus().length, memoryBytes: totalmem(), node: process.version };
  mkdirSync('outputs', { recursive: true });
  writeFileSync(values.out, `${JSON.stringify({ machine, rounds, results }, null, 2)}\n`);
  process.stdout.write(`${values.out}\n`);
}

function findPeer(): string | undefined {
  const candidates = [process.env.MAN_PEER_PYTHON, `${process.env.HOME}/.venvs/man-peer/bin/python`, 'python3'];
  return candidates.find((candidate) => candidate !== undefined && spawnSync(candidate, ['-c', 'import torch']).status === 0);
}
