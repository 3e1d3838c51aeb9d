/**
 * Measures how a training step grows with blocks, depth, batch and width, and draws the curves of docs/performance.md:
 * `npx tsx tools/bench/curves.ts`, some six minutes; with `--draw` from what was measured before.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type LineChart, lineChart } from '@man/track';
import { median, ours, type Setting, type Steps } from './contender.ts';

const OUT = fileURLToPath(new URL('../../docs/performance/', import.meta.url));
const METHODS = { e2e: 'end to end', infopro: 'InfoPro', man: 'InfoPro + MAN' } as const;
type Method = keyof typeof METHODS;

/** What is varied, and the setting at each place. Blocks are the finest cut unless they are what is varied. */
interface Sweep {
  readonly name: string;
  readonly title: string;
  readonly values: readonly number[];
  setting(value: number): Omit<Setting, 'method'>;
  readonly methods: readonly Method[];
}

const finest = (depth: number) => (depth - 2) / 2 + 1;
const ALL: readonly Method[] = ['e2e', 'infopro', 'man'];
const SWEEPS: readonly Sweep[] = [
  {
    ...{ name: 'blocks', title: 'blocks; ResNet-32, batch 128', values: [2, 4, 8, 16], methods: ['infopro', 'man'] },
    setting: (blocks) => ({ depth: 32, blocks, batch: 128 }),
  },
  {
    ...{ name: 'depth', title: 'depth; batch 128, every unit a block', values: [20, 32, 56, 110], methods: ALL },
    setting: (depth) => ({ depth, blocks: finest(depth), batch: 128 }),
  },
  {
    ...{ name: 'batch', title: 'batch; ResNet-32, K=16', values: [32, 64, 128, 256, 512], methods: ALL },
    setting: (batch) => ({ depth: 32, blocks: 16, batch }),
  },
  {
    ...{ name: 'width', title: 'channels of the first stage; ResNet-20', values: [8, 16, 32, 64], methods: ALL },
    setting: (width) => ({ depth: 20, blocks: 10, batch: 64, width }),
  },
];

interface Point {
  readonly sweep: string;
  readonly method: Method;
  readonly value: number;
  readonly msPerImage: number;
  readonly peakTensorMb: number;
  readonly operations: number;
}

mkdirSync(OUT, { recursive: true });
const isMeasured = !process.argv.includes('--draw');
const points: Point[] = isMeasured ? [] : JSON.parse(readFileSync(`${OUT}curves.json`, 'utf8'));
for (const sweep of SWEEPS) {
  if (isMeasured) for (const method of sweep.methods) for (const value of sweep.values) points.push(await measure(sweep, method, value));
  writeFileSync(`${OUT}${sweep.name}-time.svg`, await chart(sweep, 'msPerImage', { title: 'time of a picture', unit: 'ms' }));
  writeFileSync(`${OUT}${sweep.name}-memory.svg`, await chart(sweep, 'peakTensorMb', { title: 'peak of tensors', unit: 'MB' }));
}
writeFileSync(`${OUT}curves.json`, `[\n${points.map((point) => `  ${JSON.stringify(point)}`).join(',\n')}\n]\n`);

async function measure(sweep: Sweep, method: Method, value: number): Promise<Point> {
  const setting = { ...sweep.setting(value), method };
  const contender = ours(setting);
  try {
    await contender.ask('go 1');
    const { step_ms, peak_tensor_bytes = 0, operations = 0 } = await contender.ask<Steps>('go 5');
    process.stderr.write(`${sweep.name} ${value}, ${METHODS[method]}: ${median(step_ms).toFixed(0)} ms\n`);
    return {
      ...{ sweep: sweep.name, method, value, operations },
      msPerImage: Number((median(step_ms) / setting.batch).toFixed(3)),
      peakTensorMb: Number((peak_tensor_bytes / 1e6).toFixed(1)),
    };
  } finally {
    await contender.end();
  }
}

function chart(sweep: Sweep, what: 'msPerImage' | 'peakTensorMb', y: LineChart['y']): Promise<string> {
  const own = points.filter((point) => point.sweep === sweep.name);
  const series = sweep.methods.map((method) => ({
    label: METHODS[method],
    points: own.filter((point) => point.method === method).map((point) => [point.value, point[what]] as const),
  }));
  return lineChart({ title: `${y.title} by ${sweep.name}`, x: { title: sweep.title }, y, series, width: 360, height: 200 });
}
