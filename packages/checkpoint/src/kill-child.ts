import { appendFileSync } from 'node:fs';
import { useEngine } from '@man/ops';
import { checkpoint, resume } from './index.ts';
import { tinySource, tinyTrainer } from './testing.ts';

/** How a run that is to be killed is told. */
export interface KillRun {
  readonly folder: string;
  readonly every: number;
  readonly epochs: number;
  readonly width: number;
}

/** Trains as a process of its own that tests kill: `kill-child.ts <folder> <every> <epochs> <width>`; says each step in `<folder>/steps`. */
const [folder = '', every = '1', epochs = '1', width = '8'] = process.argv.slice(2);
await useEngine('cpu');
const say = (line: string) => appendFileSync(`${folder}.steps`, `${line}\n`);
const watcher = { name: 'watcher', afterStep: ({ step }: { step: number }) => say(String(step)) };
const trainer = tinyTrainer([watcher, checkpoint({ folder, every: Number(every) })], Number(width));
const resumed = await resume(trainer, folder);
say(`from ${resumed?.steps ?? 0}`);
await trainer.fit(tinySource(10), { epochs: Number(epochs) });
say('done');
