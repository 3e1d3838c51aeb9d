import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as ops from './index.ts';

/** One case of fixtures/ops.json, made by tools/peer/op_fixtures.py with PyTorch. */
interface Case {
  readonly op: string;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: attributes differ by operation
  readonly attributes: any;
  readonly inputs: Readonly<Record<string, Entry>>;
  readonly outputs: Readonly<Record<string, Entry>>;
  readonly upstream?: Readonly<Record<string, Entry>>;
  readonly gradients?: Readonly<Record<string, Entry>>;
}

interface Entry {
  readonly shape: number[];
  readonly dtype: 'float32' | 'int32';
  readonly offset: number;
}

type Inputs = Readonly<Record<string, tf.Tensor>>;
type Apply = (inputs: Inputs, attributes: Case['attributes']) => tf.Tensor | Record<string, tf.Tensor>;

const folder = new URL('../fixtures/', import.meta.url);
const { cases } = JSON.parse(readFileSync(new URL('ops.json', folder), 'utf8')) as { cases: Case[] };
const bytes = readFileSync(new URL('ops.bin', folder));

function values(entry: Entry): Float32Array | Int32Array {
  const size = entry.shape.reduce((a, b) => a * b, 1);
  const copy = bytes.buffer.slice(bytes.byteOffset + entry.offset, bytes.byteOffset + entry.offset + 4 * size);
  return entry.dtype === 'float32' ? new Float32Array(copy) : new Int32Array(copy);
}

const tensor = (entry: Entry) => tf.tensor(values(entry), entry.shape, entry.dtype);

const statistics = ({ gamma, beta, running_mean, running_variance }: Inputs) => ({
  weight: gamma!,
  bias: beta!,
  runningMean: running_mean!,
  runningVariance: running_variance!,
});

/** How each operation of the fixtures is called here. A fixture without an entry fails the suite. */
const table: Readonly<Record<string, Apply>> = {
  conv2d: ({ x, weight, bias }, { stride, padding, groups }) => {
    const y = ops.conv2d(x!, weight!, { stride, padding, groups });
    return bias === undefined ? y : ops.addBias(y, bias);
  },
  batch_norm: (inputs, { training, epsilon, update_weight }) => {
    if (!training) return ops.batchNormEvaluation(inputs.x!, statistics(inputs), { epsilon });
    const { y, runningMean, runningVariance } = ops.batchNormTraining(inputs.x!, statistics(inputs), { epsilon, momentum: update_weight });
    return { y, running_mean: runningMean, running_variance: runningVariance };
  },
  convolution_stack: (inputs, { layers, shortcut, pool, training }) => {
    const layer = (key: string, attributes: { stride: number; padding: number; relu: boolean; resize: [number, number] | null }) => ({
      ...attributes,
      resize: attributes.resize ?? undefined,
      filter: inputs[`weight${key}`]!,
      bias: inputs[`bias${key}`],
      norm: inputs[`gamma${key}`] && {
        weight: inputs[`gamma${key}`]!,
        bias: inputs[`beta${key}`]!,
        runningMean: inputs[`mean${key}`]!,
        runningVariance: inputs[`variance${key}`]!,
      },
    });
    const all = (layers as Parameters<typeof layer>[1][]).map((attributes, i) => layer(`${i}`, attributes));
    // The ReLU behind a shortcut is the last layer's.
    const last = all.length - 1;
    if (shortcut !== null) all[last] = { ...all[last]!, relu: true };
    const beside = shortcut === null ? {} : { shortcut: shortcut === 'identity' ? ('identity' as const) : layer('S', shortcut) };
    const { y, statistics } = ops.convolutionStack(inputs.x!, all, { training, pool, ...beside });
    const keys = [...all.keys(), ...(typeof shortcut === 'object' ? ['S'] : [])].filter((key) => inputs[`gamma${key}`] !== undefined);
    const moved = statistics.flatMap(({ runningMean, runningVariance }, i) => [
      [`mean${keys[i]}`, runningMean],
      [`variance${keys[i]}`, runningVariance],
    ]);
    return { y, ...Object.fromEntries(moved) };
  },
  relu: ({ x }) => ops.relu(x!),
  add: ({ a, b }) => ops.add(a!, b!),
  linear: ({ x, weight, bias }) => ops.linear(x!, weight!, bias),
  max_pool: ({ x }, { window, stride, padding }) => ops.maxPool(x!, window, { stride, padding }),
  relu_max_pool: ({ x }, { window, stride, padding }) => ops.maxPool(ops.relu(x!), window, { stride, padding }),
  average_pool: ({ x }, { window, stride, padding }) => ops.averagePool(x!, window, { stride, padding }),
  adaptive_average_pool: ({ x }, { output }) => ops.adaptiveAveragePool(x!, output),
  global_average_pool: ({ x }) => ops.globalAveragePool(x!),
  bilinear_resize: ({ x }, { output }) => ops.resizeBilinear(x!, output),
  sigmoid_cross_entropy: ({ x, targets }) => ops.sigmoidCrossEntropy(x!, targets!),
  softmax_cross_entropy: ({ x, labels }) => ops.softmaxCrossEntropy(x!, labels!),
  spatial_deviation: ({ x }) => ops.spatialDeviation(x!),
  layer_norm: ({ x, weight, bias }, { epsilon }) => ops.layerNorm(x!, weight!, bias!, { epsilon }),
  gelu: ({ x }) => ops.gelu(x!),
  normalize_rows: ({ x }, { center, epsilon }) => ops.normalizeRows(x!, { center, epsilon }),
  similarity_loss: ({ x, targets }) => ops.similarityLoss(x!, targets!),
  supervised_contrast: ({ x, labels }, { temperature }) => ops.supervisedContrast(x!, labels!, { temperature }),
};

/** Largest difference allowed: 1e-4 relative, with a floor for values near zero. */
function expectClose(actual: tf.Tensor, expected: Entry, what: string): void {
  expect(actual.size, `${what}: number of values`).toBe(expected.shape.reduce((a, b) => a * b, 1));
  const got = actual.dataSync();
  values(expected).forEach((value, i) => {
    const difference = Math.abs((got[i] as number) - value);
    expect(difference, `${what}[${i}]: ${got[i]} instead of ${value}`).toBeLessThanOrEqual(2e-5 + 1e-4 * Math.abs(value));
  });
}

const asOutputs = (result: ReturnType<Apply>) => (result instanceof tf.Tensor ? { y: result } : result);

/** The upstream gradient is passed as a weighted sum of the output. */
function weighted(y: tf.Tensor, upstream: tf.Tensor): tf.Scalar {
  return tf.sum(tf.mul(y, tf.reshape(upstream, y.shape)));
}

/** Differences across a kink (ReLU at zero, two equal maxima, a clamp), or along a channel narrower than the step, say nothing. */
const isSmooth = ({ op, name }: Case) =>
  !['relu', 'max_pool', 'relu_max_pool', 'convolution_stack', 'sgd', 'ema'].includes(op) && !/constant|cut off/.test(name);

/** Every engine, and on TensorFlow whose kernels compute. */
const FORMS = [
  ['tensorflow', 'native'],
  ['tensorflow', 'tensorflow'],
  ['tensorflow', 'reference'],
  ['wasm', 'reference'],
  ['cpu', 'reference'],
] as const satisfies readonly (readonly [ops.EngineName, ops.KernelForm])[];
const started = new Set<string>();
for (const [engine, kernels] of FORMS) {
  await ops.useEngine(engine, { kernels }).then(
    () => started.add(`${engine} ${kernels}`),
    () => undefined,
  );
}

describe.each(FORMS)('operations on %s, %s kernels, against PyTorch', (engine, kernels) => {
  // Without the native library the TensorFlow part is skipped; `npm run setup` provisions it.
  const present = started.has(`${engine} ${kernels}`);
  let tensorsBefore = 0;

  beforeAll(async () => {
    if (present) await ops.useEngine(engine, { kernels });
  });
  beforeEach(() => {
    tensorsBefore = tf.memory().numTensors;
  });
  afterEach(() => {
    expect(tf.memory().numTensors, 'tensors left behind').toBe(tensorsBefore);
  });

  for (const fixture of cases.filter(({ op }) => op !== 'sgd' && op !== 'ema')) {
    it.skipIf(!present)(`${fixture.op}: ${fixture.name}`, () => {
      const apply = table[fixture.op]!;
      const inputs = Object.fromEntries(Object.entries(fixture.inputs).map(([name, entry]) => [name, tensor(entry)]));
      const upstream = tensor(fixture.upstream!.y!);
      const names = Object.keys(fixture.gradients!);

      const ours = ops.gradients(
        () => {
          const outputs = asOutputs(apply(inputs, fixture.attributes));
          return { loss: weighted(outputs.y!, upstream), outputs };
        },
        names.map((name) => inputs[name]!),
      );
      for (const [name, entry] of Object.entries(fixture.outputs)) expectClose(ours.value.outputs[name]!, entry, name);
      names.forEach((name, i) => {
        expectClose(ours.gradients[i]!, fixture.gradients![name]!, `gradient of ${name}`);
      });

      // Nobody records: evaluation may take another way.
      const forward = asOutputs(tf.tidy(() => apply(inputs, fixture.attributes)));
      for (const [name, entry] of Object.entries(fixture.outputs)) expectClose(forward[name]!, entry, `${name} alone`);

      // tfjs's own reverse pass must find the same: people use these operations in loops of their own.
      const stock = tf.grads((...tensors: tf.Tensor[]) =>
        weighted(
          asOutputs(apply({ ...inputs, ...Object.fromEntries(names.map((name, i) => [name, tensors[i]!])) }, fixture.attributes)).y!,
          upstream,
        ),
      )(names.map((name) => inputs[name]!));
      names.forEach((name, i) => {
        expectClose(stock[i]!, fixture.gradients![name]!, `stock gradient of ${name}`);
      });
      tf.dispose([inputs, upstream, ours.value, ours.gradients, forward, stock] as tf.TensorContainer);
    });
  }

  for (const fixture of cases.filter(isSmooth)) {
    it.skipIf(!present)(`${fixture.op}: ${fixture.name}, finite differences`, () => {
      const inputs = Object.fromEntries(Object.entries(fixture.inputs).map(([name, entry]) => [name, tensor(entry)]));
      const upstream = tensor(fixture.upstream!.y!);
      const names = Object.keys(fixture.gradients!);
      const directions = names.map((name, i) => tf.randomNormal(inputs[name]!.shape, 0, 1, 'float32', 7 + i));
      const lossAt = (step: number) =>
        tf.tidy(() => {
          const moved = names.map((name, i) => [name, tf.add(inputs[name]!, tf.mul(directions[i]!, step))]);
          return weighted(
            asOutputs(table[fixture.op]!({ ...inputs, ...Object.fromEntries(moved) }, fixture.attributes)).y!,
            upstream,
          ).dataSync()[0]!;
        });
      const analytic = names.reduce((sum, name, i) => {
        const gradient = values(fixture.gradients![name]!);
        return sum + directions[i]!.dataSync<'float32'>().reduce((part, value, j) => part + value * gradient[j]!, 0);
      }, 0);
      const h = 1e-2;
      const numeric = (lossAt(h) - lossAt(-h)) / (2 * h);
      expect(Math.abs(numeric - analytic)).toBeLessThan(0.02 * (1 + Math.abs(analytic)));
      tf.dispose([inputs, upstream, directions] as tf.TensorContainer);
    });
  }

  it.skipIf(!present)('sgd: three Nesterov steps with weight decay', () => {
    const fixture = cases.find(({ op }) => op === 'sgd')!;
    const { tensors, learning_rates, momentum, nesterov, weight_decay } = fixture.attributes;
    // Only the tensors that have a gradient in every step: who skips which is the optimiser's business (@man/core).
    const names = (tensors as string[]).filter((name) => [1, 2, 3].every((step) => `step${step}/gradient/${name}` in fixture.inputs));
    expect(names.length).toBeGreaterThanOrEqual(2);
    const variables = names.map((name) => ops.createVariable(tensor(fixture.inputs[`parameter/${name}`]!)));
    const flat = new ops.FlatVariables(variables);
    let velocity = tf.zerosLike(flat.read());
    (learning_rates as number[]).forEach((learningRate, i) => {
      const gradients = names.map((name) => tensor(fixture.inputs[`step${i + 1}/gradient/${name}`]!));
      velocity = ops.sgdUpdate(flat, velocity, gradients, { learningRate, momentum, nesterov, weightDecay: weight_decay });
      const moments = flat.pieces(velocity);
      names.forEach((name, j) => {
        expectClose(variables[j]!, fixture.outputs[`step${i + 1}/parameter/${name}`]!, name);
        expectClose(moments[j]!, fixture.outputs[`step${i + 1}/momentum/${name}`]!, `momentum of ${name}`);
      });
      tf.dispose([gradients, moments]);
    });
    tf.dispose([velocity, variables]);
    flat.dispose();
  });

  it.skipIf(!present)('ema: three updates', () => {
    const fixture = cases.find(({ op }) => op === 'ema')!;
    const names = fixture.attributes.tensors as string[];
    const variables = names.map((name) => ops.createVariable(tensor(fixture.inputs[`average/${name}`]!), false));
    const flat = new ops.FlatVariables(variables);
    for (let step = 1; step <= 3; step++) {
      const sources = names.map((name) => tensor(fixture.inputs[`step${step}/source/${name}`]!));
      ops.emaUpdate(flat, sources, fixture.attributes.momentum);
      names.forEach((name, i) => {
        expectClose(variables[i]!, fixture.outputs[`step${step}/average/${name}`]!, name);
      });
      tf.dispose(sources);
    }
    tf.dispose(variables);
    flat.dispose();
  });
});

it('knows how to call every operation of the fixtures', () => {
  const known = new Set([...Object.keys(table), 'sgd', 'ema']);
  expect(cases.filter(({ op }) => !known.has(op))).toEqual([]);
});
