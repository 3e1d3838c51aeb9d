import { closeSync, ftruncateSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isManError } from '@man/base';
import type { TrainerPlugin } from '@man/core';
import { useEngine } from '@man/ops';
import { checkpoint, diffCheckpoints, listCheckpoints, resume } from './index.ts';
import { tinySource, tinyTrainer } from './testing.ts';

/** What happened to a run whose disk was filled by somebody else. */
export interface DiskFull {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** What the folder of checkpoints held then. */
  readonly left: readonly string[];
  /** The step it went on behind when there was space again. */
  readonly resumedFrom: number | null;
  /** In what it differs at its end from a run that was not interrupted. */
  readonly differences: readonly unknown[];
}

/** Trains on a small disk as a process of its own: `disk-full-child.ts <folder on that disk> <folder elsewhere>`. */
const [disk = '', elsewhere = ''] = process.argv.slice(2);
await useEngine('cpu');
const folder = join(disk, 'checkpoints');
const ballast = join(disk, 'ballast');

const filler: TrainerPlugin = {
  name: 'filler',
  afterStep({ step }) {
    if (step === 7) fill(ballast);
  },
};
const idle: TrainerPlugin = { name: 'filler', afterStep: () => {} };
const start = (plugin: TrainerPlugin, into: string) => tinyTrainer([plugin, checkpoint({ folder: into, every: 1 })], 120);

const trainer = start(filler, folder);
const error = await trainer.fit(tinySource(5), { epochs: 3 }).catch((thrown: unknown) => thrown);
if (!isManError(error)) throw error ?? new Error('the run did not notice');
const left = readdirSync(folder);
rmSync(ballast);

const second = start(idle, folder);
const resumed = await resume(second, folder);
await second.fit(tinySource(5), { epochs: 3 });
await start(idle, elsewhere).fit(tinySource(5), { epochs: 3 });
const [[a], [b]] = [await listCheckpoints(folder), await listCheckpoints(elsewhere)];
const differences = await diffCheckpoints(a?.file ?? '', b?.file ?? '');
const { code, message, hint } = error;
const report: DiskFull = { code, message, hint: hint ?? '', left, resumedFrom: resumed?.steps ?? null, differences };
process.stdout.write(`${JSON.stringify(report)}\n`);

/** Takes the disk but for 60 kB, in which a checkpoint begins and does not end. */
function fill(file: string): void {
  const handle = openSync(file, 'w');
  let size = 0;
  try {
    for (;;) size += writeSync(handle, Buffer.alloc(4096));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause;
  }
  ftruncateSync(handle, size - 60_000);
  closeSync(handle);
}
