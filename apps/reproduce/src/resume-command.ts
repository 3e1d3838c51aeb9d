import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { configurationOf } from './run-configuration.ts';
import { resumeSweep } from './sweep.ts';
import { SWEEP_FILE } from './sweep-record.ts';
import { train } from './train.ts';

/**
 * `man-reproduce resume <folder>`: a run that was stopped or killed goes on in its folder, as if nothing had been; of a sweep, all such runs.
 *
 * @returns the exit code, as of `train`
 */
export async function resumeRun(folder: string, options: { readonly json: boolean }): Promise<number> {
  if (existsSync(join(folder, SWEEP_FILE))) return resumeSweep(folder, [], { ...options, dry: false });
  return train((await configurationOf(folder)).composed, { ...options, resumeIn: resolve(folder) });
}
