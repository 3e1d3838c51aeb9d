import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TfjsPackage } from './tfjs-package.ts';

/** The folder of the C++ sources: beside `src` and beside `dist`. */
export const SOURCES = fileURLToPath(new URL('../kernels/', import.meta.url));

/** Where the compiled kernels of a package lie. */
export function kernelsFile(target: TfjsPackage): string {
  return join(dirname(target.addon), 'man_kernels.node');
}

/** Where the module lies that loads TensorFlow without its notices. */
export function quietFile(target: TfjsPackage): string {
  return join(dirname(target.addon), 'man_quiet.node');
}

let digest: string | undefined;

/** Changes whenever a source does. */
export function kernelSources(): string {
  if (digest !== undefined) return digest;
  const hash = createHash('sha256');
  for (const name of readdirSync(SOURCES).sort()) hash.update(`${name}\n`).update(readFileSync(join(SOURCES, name)));
  digest = hash.digest('hex').slice(0, 16);
  return digest;
}
