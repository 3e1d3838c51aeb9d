import { readFile } from 'node:fs/promises';
import { resnet } from '@man/backbone-resnet';
import { createRng } from '@man/base';
import { type AuxSite, auxSite, cutIntoBlocks, type LocalBlock } from '@man/core';
import { gradients, useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AugLocalRecipe, type LocalRecipe, localLossOf } from './local-loss.ts';

/** What tools/peer/loss_fixtures.py writes; its docstring has the formula of weights and features. */
interface Case {
  readonly local: LocalRecipe;
  readonly featureShape: readonly number[];
  readonly classes: number;
  readonly labels: number[];
  readonly features: Fill;
  readonly tensors: readonly (Fill & { readonly name: string; readonly shape: number[] })[];
  readonly total: number;
  readonly terms: Readonly<Record<string, number>>;
  readonly logits: readonly number[] | null;
  /** Length and first elements of the gradient of the features and of every parameter. */
  readonly slopes: Readonly<Record<string, readonly number[]>>;
}
interface Fill {
  readonly scale: number;
  readonly offset: number;
}

const { cases } = JSON.parse(await readFile(new URL('fixtures/losses.json', import.meta.url), 'utf8')) as { cases: readonly Case[] };

beforeAll(() => useEngine('auto'));

describe.each(cases)('$local of features $featureShape', (entry) => {
  it('has the value and the gradients of PyTorch', () => {
    const aux = localLossOf(entry.local).build(siteOf(entry));
    const parameters = aux.parameters();
    expect(Object.entries(parameters).map(([name, { shape }]) => [name, shape])).toEqual(
      entry.tensors.map(({ name, shape }) => [name, shape]),
    );
    for (const [turn, { name, shape, ...fill }] of entry.tensors.entries())
      tf.tidy(() => (parameters[name] as tf.Variable).assign(filled(shape, turn, fill)));
    const features = tf.variable(filled([entry.labels.length, ...entry.featureShape], entry.tensors.length, entry.features));
    const pixels = filled([entry.labels.length, ...imageShapeOf(entry)], entry.tensors.length + 1, { scale: 0.5, offset: 0.5 });
    const batch = { images: features, labels: tf.tensor1d(entry.labels, 'int32'), pixels };
    const { value, gradients: slopes } = gradients(() => {
      const { total, ...rest } = aux.loss(features, batch);
      return { loss: total, rest };
    }, [features, ...Object.values(parameters)]);
    expectClose([value.loss.dataSync()[0]], [entry.total], 'total');
    expect(Object.keys(value.rest.terms)).toEqual(Object.keys(entry.terms));
    for (const [name, term] of Object.entries(value.rest.terms)) expectClose([term.dataSync()[0]], [entry.terms[name]], name);
    if (entry.logits === null) expect(value.rest.logits).toBeUndefined();
    else expectClose(value.rest.logits?.dataSync().slice(0, entry.classes), entry.logits, 'logits');
    for (const [i, name] of ['features', ...Object.keys(parameters)].entries()) {
      const slope = (slopes[i] as tf.Tensor).dataSync();
      const expected = entry.slopes[name] as readonly number[];
      expectClose([Math.hypot(...lengths(slope)), ...slope.slice(0, expected.length - 1)], expected, `slope of ${name}`);
    }
    tf.dispose([value, slopes, features, batch.labels, pixels] as unknown as tf.TensorContainer);
    aux.dispose();
  });
});

const imageShapeOf = ({ local }: Case) => ('image_size' in local ? [local.image_size, local.image_size, 3] : [32, 32, 3]);

function siteOf(entry: Case): AuxSite {
  const { featureShape, classes, local } = entry;
  if (local.type === 'auglocal') return behindUnit(local, classes);
  const unit = { name: 'unit' } as unknown as LocalBlock['units'][0];
  const block = (index: number): LocalBlock => ({ index, units: [unit], outputShape: featureShape });
  return {
    block: block(0),
    next: block(1),
    following: [],
    featureShape,
    imageShape: imageShapeOf(entry),
    classes,
    depth: 4,
    rng: createRng(1),
  };
}

/** In a network that is cut behind every unit; its own weights play no part. */
function behindUnit({ network: depth, width, block }: AugLocalRecipe, classes: number): AuxSite {
  const backbone = resnet({ depth, width, classes, inputShape: [8, 8, 3] });
  const network = backbone.build(createRng(1));
  const cuts = network.units.slice(0, -1).map(({ name }) => name);
  const site = auxSite(cutIntoBlocks(backbone, network, { cuts }), block, backbone, createRng(1));
  for (const unit of [...network.units, network.classifier]) unit.dispose();
  return site;
}

function filled(shape: number[], turn: number, { scale, offset }: Fill): tf.Tensor {
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => {
    const noise = 43758.5453 * Math.sin(12.9898 * (i + 1) + turn);
    return scale * (2 * (noise - Math.floor(noise)) - 1) + offset;
  });
  return tf.tensor(values, shape);
}

/** Lengths of pieces, since no function takes a million arguments. */
function lengths(values: ArrayLike<number>): number[] {
  const pieces: number[] = [];
  for (let start = 0; start < values.length; start += 1024) {
    let sum = 0;
    for (let i = start; i < Math.min(start + 1024, values.length); i++) sum += (values[i] as number) ** 2;
    pieces.push(Math.sqrt(sum));
  }
  return pieces;
}

/** Relative to the largest of them, which counts as at least 0.1: slopes of biases in front of a batch norm are rounding only. */
function expectClose(got: ArrayLike<number | undefined> | undefined, expected: readonly (number | undefined)[], what: string): void {
  const scale = Math.max(0.1, ...expected.map((value) => Math.abs(value as number)));
  expect(got?.length, what).toBe(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs((got?.[i] as number) - (value as number)) / scale, `${what}[${i}]`).toBeLessThan(1e-4);
}
