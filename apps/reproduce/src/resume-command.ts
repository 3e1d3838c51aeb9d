import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Composed } from '@man/config';
import { loadTrainConfig } from './configuration.ts';
import { noRunFolder, otherConfiguration } from './errors.ts';
import type { TrainConfig } from './schema/index.ts';
import { train } from './train.ts';

/**
 * `man-reproduce resume <folder>`: a run that was stopped or killed goes on in its folder, as if nothing had been.
 *
 * @returns the exit code, as of `train`
 */
export async function resumeRun(folder: string, options: { readonly json: boolean }): Promise<number> {
  return train(await configurationOf(folder), { ...options, resumeIn: resolve(folder) });
}

/**
 * The configuration a run was started with, composed anew from what was typed.
 *
 * @throws MAN_REPRODUCE_NOT_A_RUN; MAN_REPRODUCE_CONFIGURATION where it is not what it was, since files in `conf/` have changed
 */
export async function configurationOf(folder: string): Promise<Composed<TrainConfig>> {
  const read = (name: string) =>
    readFile(join(folder, name), 'utf8').catch((cause: unknown) => {
      throw noRunFolder(folder, name, cause);
    });
  const [text, typed] = await Promise.all([read('config.yaml'), read('overrides.txt')]);
  const overrides = typed.split('\n').filter((line) => line !== '');
  for (const name of ['config', 'compare'] as const) {
    const composed = attempt(() => loadTrainConfig(overrides, name));
    if (composed?.toYaml() === text) return composed;
  }
  throw otherConfiguration(folder);
}

function attempt<T>(f: () => T): T | null {
  try {
    return f();
  } catch {
    return null;
  }
}
