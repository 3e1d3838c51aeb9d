import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rng } from '@man/base';
import { evaluationLoader } from '@man/data';
import { imagenet } from '@man/dataset-imagenet';
import { dispose } from '@tensorflow/tfjs';
import { bytesOf, VAL } from '../../packages/dataset-imagenet/src/testing/files.ts';
import { pick, type Reader } from './cases.ts';
import { damage } from './damage.ts';

const WNIDS = ['n01440764', 'n02012849', 'n02119789'];
const NAMES = ['a.JPEG', 'b.jpg', 'c.png', 'a\nb.JPEG', '..JPEG', `${'x'.repeat(240)}.JPEG`, 'readme.txt', '\u202egepj.JPEG'];
const TARGETS = ['a.JPEG', '.', '..', '/dev/zero', '/dev/null', '/etc/passwd', '/', 'nowhere', '../n01440764', '/proc/self/mem'];

/** Class folders with everything in them that a file system has. */
export const TREES: readonly Reader[] = [
  {
    name: 'class folders with links, pipes and folders in place of pictures',
    codes: /^MAN_IMAGENET_|^MAN_DATA_DISK$/,
    megabytes: 200,
    async attempt(rng, folder) {
      const root = join(folder, 'imagenet');
      mkdirSync(root);
      for (const half of ['train', 'val']) grow(rng, root, half);
      const dataset = await imagenet({ dataDir: folder, size: 24, layout: 'folders', env: { XDG_CACHE_HOME: join(folder, 'nowhere') } });
      for (const test of [dataset.train, dataset.test]) {
        const loader = evaluationLoader({ ...dataset, test }, { batch: 3, workers: 0, unreadable: 'skip' });
        for await (const batch of loader.epoch(1)) dispose({ ...batch });
      }
    },
  },
];

function grow(rng: Rng, root: string, half: string): void {
  const path = join(root, half);
  if (rng.integer(12) === 0) {
    plant(rng, path, bytesOf('a'));
    return;
  }
  mkdirSync(path);
  if (half === 'val' && rng.integer(4) === 0) {
    for (const name of VAL) plant(rng, join(path, name), bytesOf(name));
    return;
  }
  for (const wnid of WNIDS) {
    const below = join(path, wnid);
    if (rng.integer(8) === 0) {
      plant(rng, below, bytesOf('a'));
      continue;
    }
    mkdirSync(below);
    for (const name of NAMES) if (rng.integer(3) > 0) plant(rng, join(below, name), bytesOf(name));
  }
}

/** A picture, or something else of its name. */
function plant(rng: Rng, path: string, good: Buffer): void {
  const kind = rng.integer(12);
  if (kind === 0) mkdirSync(path);
  else if (kind === 1) symlinkSync(pick(rng, TARGETS), path);
  else if (kind === 2) symlinkSync(path, path);
  else if (kind === 3 && rng.integer(3) === 0) spawnSync('mkfifo', [path]);
  else writeFileSync(path, kind === 4 ? damage(rng, good) : good);
}
