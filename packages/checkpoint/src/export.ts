import { join } from 'node:path';
import { atomicWrite, readSafetensors, type StoredTensor, writeSafetensors } from '@man/track';
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
 * Writes the network of a checkpoint for PyTorch: a state dict as safetensors, filters as `[out, in, height, width]`, linear weights as
 * `[out, in]`. Names are ours; batch norm has PyTorch's already.
 *
 * In Python: `safetensors.torch.load_file(file)`.
 */
export async function exportTorch(file: string, target: string): Promise<void> {
  const network = await networkOf(file);
  const renamed = Object.entries(network).map(([name, tensor]) => [name, torchLayout(tensor)] as const);
  await writeSafetensors(target, Object.fromEntries(renamed), { format: 'pt' });
}

/** The order of axes in PyTorch, by that in ours. */
const AXES: Readonly<Record<number, readonly number[]>> = { 4: [3, 2, 0, 1], 2: [1, 0] };

function torchLayout(tensor: StoredTensor): StoredTensor {
  const order = AXES[tensor.shape.length];
  if (order === undefined) return tensor;
  const shape = order.map((axis) => tensor.shape[axis] as number);
  const strides = order.map((axis) => tensor.shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const data = new Float32Array(tensor.data.length);
  const index = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    data[i] = tensor.data[index.reduce((sum, at, axis) => sum + at * (strides[axis] as number), 0)] as number;
    for (let axis = shape.length - 1; axis >= 0 && ++(index[axis] as number) === shape[axis]; axis--) index[axis] = 0;
  }
  return { dtype: 'F32', shape, data };
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
