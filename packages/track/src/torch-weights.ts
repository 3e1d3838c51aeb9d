import type { Backbone, NamedVariables, Network, TorchNames } from '@man/core';
import type { Variable } from '@tensorflow/tfjs';
import { noTorchNames, torchMismatch } from './errors.ts';
import { readSafetensors, type StoredTensor, writeSafetensors } from './safetensors.ts';
import { fromTorch, torchLayout, toTorch } from './torch-layout.ts';

/** A network and what it was made from; a trainer is one, too. */
export interface NetworkOfBackbone {
  readonly backbone: Backbone;
  readonly network: Network;
}

export interface ImportTorchOptions {
  /** Variables that keep their values, by our name (`classifier.linear.weight`); default none. */
  readonly skip?: (variable: string) => boolean;
}

/**
 * Fills a network with weights from PyTorch: a state dict as a safetensors file, under torchvision's names for networks of ImageNet.
 *
 * Filters and linear weights are turned into our layouts, running statistics come along. Everything is compared before anything is
 * changed: each weight of the network must be there in its shape, and nothing else but counts of batches (`num_batches_tracked`).
 * Names may have the `module.` of PyTorch's data parallelism in front.
 *
 * @param source path or bytes
 * @throws MAN_TRACK_TORCH_NAMES for a backbone without PyTorch's names
 * @throws MAN_TRACK_TORCH_MISMATCH naming what is missing, too much, or of another shape
 * @throws MAN_TRACK_READ_FAILED, MAN_TRACK_SAFETENSORS_HEADER, MAN_TRACK_SAFETENSORS_TENSOR, MAN_TRACK_SAFETENSORS_DTYPE
 * @example
 * ```ts
 * // In Python: safetensors.torch.save_file(torchvision.models.resnet101(weights='DEFAULT').state_dict(), 'resnet101.safetensors')
 * const trainer = createTrainer({ backbone: resnet101(), partition: { blocks: 4 }, loss: infopro() });
 * await importTorch(trainer, 'resnet101.safetensors');
 * ```
 */
export async function importTorch(of: NetworkOfBackbone, source: string | Uint8Array, options: ImportTorchOptions = {}): Promise<void> {
  const { skip = () => false } = options;
  const torch = namesOf(of.backbone);
  const tf = await import('@tensorflow/tfjs');
  const { tensors } = await readSafetensors(source, { only: (name) => !name.endsWith('num_batches_tracked') });
  const found = withoutPrefix(tensors);
  const problems: string[] = [];
  const fills: (() => void)[] = [];
  for (const [name, variable] of Object.entries(exchanged(of.network, torch))) {
    const known = torch.namesOf(name).find((candidate) => found.has(candidate));
    const stored = known === undefined ? undefined : found.get(known);
    for (const candidate of torch.namesOf(name)) found.delete(candidate);
    if (skip(name)) continue;
    const layout = torchLayout(name, variable.shape, torch);
    if (stored === undefined) problems.push(`no ${torch.namesOf(name).join(' or ')}`);
    else if (stored.dtype !== 'F32') problems.push(`${known} as ${stored.dtype}, not F32`);
    else if (stored.shape.join() !== layout.shape.join())
      problems.push(`${known} of shape [${stored.shape.slice(0, 8)}], not [${layout.shape}]`);
    else fills.push(() => assign(tf, variable, fromTorch(stored.data, layout)));
  }
  problems.push(...[...found.keys()].map((name) => `${name}, which it does not have`));
  if (problems.length > 0) throw torchMismatch(typeof source === 'string' ? source : 'the given bytes', of.backbone.name, problems);
  for (const fill of fills) fill();
}

/**
 * Writes a network's weights for PyTorch, as a state dict in a safetensors file, atomically; the reverse of {@link importTorch}.
 *
 * PyTorch reads it with `model.load_state_dict(safetensors.torch.load_file(file))`.
 *
 * @throws MAN_TRACK_TORCH_NAMES, MAN_TRACK_TENSOR_UNWRITABLE, MAN_TRACK_WRITE_FAILED
 * @example
 * ```ts
 * await exportTorch(trainer, 'resnet101.safetensors');
 * ```
 */
export async function exportTorch({ backbone, network }: NetworkOfBackbone, file: string): Promise<void> {
  const torch = namesOf(backbone);
  const tensors: Record<string, StoredTensor> = {};
  for (const [name, variable] of Object.entries(exchanged(network, torch))) {
    const layout = torchLayout(name, variable.shape, torch);
    const data = toTorch((await variable.data()) as Float32Array, layout);
    tensors[torch.namesOf(name)[0] as string] = { dtype: 'F32', shape: layout.shape, data };
  }
  await writeSafetensors(file, tensors, { format: 'pt' });
}

function namesOf({ name, torch }: Backbone): TorchNames {
  if (torch === undefined) throw noTorchNames(name);
  return torch;
}

/** Parameters and running statistics that have a name in PyTorch, by ours. */
function exchanged({ units, classifier }: Network, torch: TorchNames): NamedVariables {
  const named = [...units, classifier].flatMap((unit) =>
    Object.entries({ ...unit.parameters(), ...unit.buffers() }).map(([name, variable]) => [`${unit.name}.${name}`, variable] as const),
  );
  return Object.fromEntries(named.filter(([name]) => torch.namesOf(name).length > 0));
}

function withoutPrefix(tensors: Readonly<Record<string, StoredTensor>>): Map<string, StoredTensor> {
  const entries = Object.entries(tensors);
  const isParallel = entries.length > 0 && entries.every(([name]) => name.startsWith('module.'));
  return new Map(entries.map(([name, tensor]) => [isParallel ? name.slice('module.'.length) : name, tensor]));
}

function assign(tf: typeof import('@tensorflow/tfjs'), variable: Variable, values: Float32Array): void {
  tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
}
