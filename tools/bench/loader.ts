/**
 * Times our loader against PyTorch's DataLoader with Pillow on the same JPEG files, in alternating rounds:
 * `npm run build && npx tsx tools/bench/loader.ts --folder <pictures>`. Python needs what tools/peer/data-requirements.txt lists;
 * MAN_PEER_PYTHON names it.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { textTable } from '@man/track';

interface Answer {
  readonly images: number;
  readonly seconds: number;
  readonly cpu_seconds: number;
}

const { values } = parseArgs({
  options: {
    folder: { type: 'string', multiple: true },
    batch: { type: 'string', default: '64' },
    workers: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '7' },
    /** Pictures of a round at least: folders of fewer are gone through several times. */
    pictures: { type: 'string', default: '300' },
  },
});
const folders = values.folder ?? [];
if (folders.length === 0) throw new Error('name a folder of JPEG files: --folder <pictures>');
const here = fileURLToPath(new URL('.', import.meta.url));
const python = process.env.MAN_PEER_PYTHON ?? 'python3';

const rows: { folder: string; by: string; rate: number; cpu: number; ratio: number | null; cpuRatio: number | null }[] = [];
for (const folder of folders) await measure(folder);
process.stdout.write(
  `${textTable(rows, [
    { heading: 'pictures', value: ({ folder, by }) => (by === 'ours' ? folder : '') },
    { heading: 'by', value: ({ by }) => by },
    { heading: 'pictures/s', value: ({ rate }) => rate.toFixed(0), align: 'right' },
    { heading: 'ours is', value: ({ ratio }) => (ratio === null ? null : `${ratio.toFixed(2)}×`), align: 'right' },
    { heading: 'CPU ms/picture', value: ({ cpu }) => cpu.toFixed(2), align: 'right' },
    { heading: 'theirs/ours', value: ({ cpuRatio }) => (cpuRatio === null ? null : `${cpuRatio.toFixed(2)}×`), align: 'right' },
  ])}\n`,
);

/** One folder: both warmed up, then in turns; ratios are medians over rounds. */
async function measure(folder: string): Promise<void> {
  const options = ['--folder', folder, '--batch', values.batch, '--workers', values.workers];
  const ours = await contender('npx', ['tsx', `${here}loader-worker.ts`, ...options]);
  const peer = await contender(python, [`${here}../peer/loader_bench.py`, ...options]);
  const passes = Math.max(1, Math.ceil(Number(values.pictures) / ours.pictures));
  const answers: (readonly [Answer, Answer])[] = [];
  for (let round = 0; round <= Number(values.rounds); round++) {
    const [first, second] = round % 2 === 0 ? [ours, peer] : [peer, ours];
    const [one, two] = [await first.ask(passes), await second.ask(passes)];
    // The first round finds cold caches.
    if (round > 0) answers.push(first === ours ? [one, two] : [two, one]);
    process.stderr.write(`${folder}: round ${round} of ${values.rounds}\n`);
  }
  for (const { child } of [ours, peer]) child.stdin.end('quit\n');
  const rate = ({ images, seconds }: Answer) => images / seconds;
  const cpu = ({ images, cpu_seconds }: Answer) => (1000 * cpu_seconds) / images;
  const summary = (by: string, side: 0 | 1) => ({
    folder,
    by,
    rate: median(answers.map((a) => rate(a[side]))),
    cpu: median(answers.map((a) => cpu(a[side]))),
  });
  rows.push({ ...summary('ours', 0), ratio: null, cpuRatio: null });
  const ratio = median(answers.map(([o, p]) => rate(o) / rate(p)));
  rows.push({ ...summary('PyTorch', 1), ratio, cpuRatio: median(answers.map(([o, p]) => cpu(p) / cpu(o))) });
}

async function contender(command: string, args: string[]) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] }) as unknown as ChildProcessWithoutNullStreams;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} ended before it answered`);
    return JSON.parse(value) as unknown;
  };
  const { pictures } = (await next()) as { pictures: number };
  return {
    child,
    pictures,
    async ask(passes: number): Promise<Answer> {
      child.stdin.write(`go ${passes}\n`);
      return (await next()) as Answer;
    },
  };
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
