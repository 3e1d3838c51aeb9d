/**
 * Our loader on a folder of pictures, ready to be timed: answers each line `go K` on its standard input with a JSON line about K passes over
 * the pictures, as tools/peer/loader_bench.py does.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { createLoader } from '@man/data';
import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '.' },
    batch: { type: 'string', default: '64' },
    workers: { type: 'string', default: '2' },
    repeat: { type: 'string', default: '1' },
  },
});

await useEngine('tensorflow');
const found = readdirSync(values.folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.jpe?g$/i.test(name));
const files = found.sort().map((name) => join(values.folder, name));
const size = files.length * Number(values.repeat);
const loader = createLoader(
  {
    name: 'folder',
    size,
    imageShape: [224, 224, 3],
    images: {
      resize: 256,
      locate: (index) => ({ name: files[index % files.length] as string, file: files[index % files.length] as string }),
    },
    labels: new Uint8Array(size),
  },
  {
    batch: Number(values.batch),
    workers: Number(values.workers),
    shuffle: true,
    seed: 1,
    augment: { randomResizedCrop: {}, flip: true },
    // PyTorch's batches hold the normalised pictures only.
    pixels: false,
    normalization: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  },
);

print({ ready: true, pictures: size });
let epoch = 0;
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === 'quit') break;
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  let images = 0;
  for (let pass = Number(line.split(' ')[1]); pass > 0; pass--) {
    for await (const batch of loader.epoch(++epoch)) {
      images += batch.images.shape[0] as number;
      tf.dispose({ ...batch });
    }
  }
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  print({ images, seconds, cpu_seconds: (user + system) / 1e6 });
}
await loader.close();

function print(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
