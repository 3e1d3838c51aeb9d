import { basename, dirname, resolve } from 'node:path';
import { diffCheckpoints, exportTfjs, loadNetwork, positionOf } from '@man/checkpoint';
import { exportTorch, formatBytes, formatCount, readSafetensors, textTable } from '@man/track';
import { CHECKPOINTS } from './checkpoints.ts';
import { differences } from './config-differences.ts';
import { startEngine } from './engine.ts';
import { badExport } from './errors.ts';
import { assemble } from './factories.ts';
import { knownSet } from './known-sets.ts';
import { configurationOf } from './run-configuration.ts';

const out = (text: string) => process.stdout.write(`${text}\n`);

/** `man-reproduce checkpoint inspect <file>`: where the run was, and every tensor. @returns the exit code */
export async function inspectCheckpoint(file: string, { json }: { readonly json: boolean }): Promise<number> {
  const { tensors, metadata } = await readSafetensors(file);
  const rows = Object.entries(tensors).map(([name, { dtype, shape, data }]) => ({
    name,
    dtype,
    shape,
    bytes: data.byteLength,
    ...spread(data),
  }));
  const position = metadata['man.format'] === undefined ? null : positionOf(file, metadata);
  if (json) {
    out(
      JSON.stringify({
        position,
        metadata: position === null ? metadata : undefined,
        configuration: metadata['man.configuration'],
        tensors: rows,
      }),
    );
    return 0;
  }
  const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
  out(`${rows.length} tensors, ${formatBytes(bytes)}`);
  if (position !== null) {
    const { backbone, blocks, seed, epoch, steps, batch, batches, plugins } = position;
    const amid = batch === 0 ? '' : `, ${batch} of ${batches} batches of epoch ${epoch + 1}`;
    out(
      `${backbone}, ${blocks} blocks, seed ${seed}; ${epoch} epochs and ${steps} steps done${amid}; plugins: ${Object.keys(plugins).join(', ') || 'none'}`,
    );
  } else for (const [key, value] of Object.entries(metadata)) out(`${key}: ${value}`);
  out('');
  out(
    textTable(rows, [
      { heading: 'tensor', value: ({ name }) => name },
      { heading: 'type', value: ({ dtype }) => dtype },
      { heading: 'shape', value: ({ shape }) => `[${shape}]` },
      { heading: 'mean', value: ({ mean }) => mean.toPrecision(3), align: 'right' },
      { heading: 'least', value: ({ least }) => least.toPrecision(3), align: 'right' },
      { heading: 'greatest', value: ({ greatest }) => greatest.toPrecision(3), align: 'right' },
      { heading: 'not finite', value: ({ notFinite }) => (notFinite === 0 ? '' : formatCount(notFinite)), align: 'right' },
    ]),
  );
  return 0;
}

function spread(data: ArrayLike<number>) {
  let [sum, least, greatest, notFinite] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (!Number.isFinite(value)) notFinite++;
    sum += value;
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
  }
  return { mean: data.length === 0 ? Number.NaN : sum / data.length, least, greatest, notFinite };
}

/** `man-reproduce checkpoint diff <file> <file>`: what two files differ in. @returns 0 where nothing, else 1 */
export async function diffCommand(first: string, second: string, { json }: { readonly json: boolean }): Promise<number> {
  const found = await diffCheckpoints(first, second);
  const configurations = await Promise.all(
    [first, second].map(async (file) => (await readSafetensors(file)).metadata['man.configuration'] ?? null),
  );
  const settings = configurations.every((text) => text !== null) ? differences(configurations) : [];
  if (json) out(JSON.stringify({ tensors: found, configuration: settings }));
  else if (found.length + settings.length === 0) out('No difference.');
  else {
    for (const { key, values } of settings) out(`${key}: ${values.map((value) => value ?? '–').join(' and ')}`);
    const where = { first: `only in ${first}`, second: `only in ${second}`, shape: 'not comparable', values: 'differs' } as const;
    const columns = [
      { heading: 'tensor', value: ({ name }: (typeof found)[number]) => name },
      { heading: '', value: ({ kind }: (typeof found)[number]) => where[kind] },
      { heading: 'how much', value: ({ text }: (typeof found)[number]) => text },
      {
        heading: 'greatest difference',
        value: ({ greatest }: (typeof found)[number]) => greatest?.toPrecision(3),
        align: 'right' as const,
      },
    ];
    if (found.length > 0) out(textTable(found, columns));
  }
  return found.length + settings.length === 0 ? 0 : 1;
}

/** `man-reproduce checkpoint export <file> <target> --to torch|tfjs`. @returns the exit code */
export async function exportCommand(file: string, target: string, to: string): Promise<number> {
  if (to === 'torch') await exportForTorch(file, target);
  else if (to === 'tfjs') await exportTfjs(file, target);
  else throw badExport(to);
  out(target);
  return 0;
}

/** Under PyTorch's names and in its order, which only the backbone knows; the configuration of the file's run tells which one that is. */
async function exportForTorch(file: string, target: string): Promise<void> {
  const folder = dirname(resolve(file));
  const {
    composed: { config },
  } = await configurationOf(basename(folder) === CHECKPOINTS ? dirname(folder) : folder);
  await startEngine(config);
  const { backbone } = assemble(config, knownSet(config.dataset));
  const network = await loadNetwork(file, { backbone });
  try {
    await exportTorch({ backbone, network }, target);
  } finally {
    network.dispose();
  }
}
