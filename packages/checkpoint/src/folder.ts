import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A checkpoint in a folder. */
export interface StoredCheckpoint {
  readonly file: string;
  /** Steps that were done. */
  readonly steps: number;
  /** Whether it is kept for its metric, whatever comes later. */
  readonly metric: number | null;
  readonly bytes: number;
}

/** `step-00001234.safetensors`, or with what it is one of the best by: `step-00001234.best-0.4812.safetensors`. */
const NAME = /^step-(\d{8,})(?:\.best-(-?\d+(?:\.\d+)?(?:e-?\d+)?))?\.safetensors$/;

/** The name of a checkpoint. */
export function nameOf(steps: number, metric: number | null): string {
  return `step-${String(steps).padStart(8, '0')}${metric === null ? '' : `.best-${metric}`}.safetensors`;
}

/** The checkpoints of a folder, the latest first; none where there is no folder. What was left half written has another name. */
export async function listCheckpoints(folder: string): Promise<readonly StoredCheckpoint[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const found = names.flatMap((name) => {
    const match = NAME.exec(name);
    return match === null ? [] : [{ name, steps: Number(match[1]), metric: match[2] === undefined ? null : Number(match[2]) }];
  });
  const stored = await Promise.all(
    found.map(async ({ name, ...about }) => {
      const file = join(folder, name);
      const bytes = await stat(file).then(
        ({ size }) => size,
        () => null,
      );
      return bytes === null ? [] : [{ file, ...about, bytes }];
    }),
  );
  return stored.flat().sort((a, b) => b.steps - a.steps || (a.metric === null ? -1 : 1));
}
