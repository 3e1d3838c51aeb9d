import { join } from 'node:path';
import { atomicWrite, readSafetensors, type StoredTensor } from '@man/track';
import { notACheckpoint } from './errors.ts';

/** What only training needs: auxiliary networks, optimisers, averages, the state of plugins (whose names have capitals, as units' have not). */
const TRAINING_ONLY = /^(?:aux|optimizer|average)\.|^[a-z]+[A-Z][A-Za-z]*\./;

async function networkOf(file: string): Promise<Readonly<Record<string, StoredTensor>>> {
  const { tensors } = await readSafetensors(file);
  const network = Object.entries(tensors).filter(([name, { dtype }]) => !TRAINING_ONLY.test(name) && dtype === 'F32');
  if (network.length === 0) throw notACheckpoint(file, 'it holds no weights of a network');
  return Object.fromEntries(network);
}

/**
 * Writes the network of a checkpoint as tfjs keeps weights: `model.json` with a manifest, and `weights.bin`. `tf.io.loadWeights` reads it, in a
 * browser too.
 */
export async function exportTfjs(file: string, folder: string): Promise<void> {
  const entries = Object.entries(await networkOf(file));
  const weights = entries.map(([name, { shape }]) => ({ name, shape, dtype: 'float32' }));
  await atomicWrite(
    join(folder, 'weights.bin'),
    entries.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  );
  // Last: whoever finds it finds the weights.
  await atomicWrite(join(folder, 'model.json'), `${JSON.stringify({ weightsManifest: [{ paths: ['weights.bin'], weights }] }, null, 2)}\n`);
}
