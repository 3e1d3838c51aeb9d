import { createRng, type Rng } from '@man/base';
import type { AuxiliaryNetwork, AuxSite, LocalBlock, LocalLossValue, NamedVariables, TrainerPlugin } from '@man/core';
import { createVariable, useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { beforeAll } from 'vitest';
import { pluginConformance } from './index.ts';
import { expectToCatch } from './testing.ts';

beforeAll(() => useEngine('auto'));

/** Disturbs the features by a trained factor and gradients by random numbers, counts steps, and pulls a weight to its average: a bit of everything. */
function right(): TrainerPlugin {
  let rng: Rng | undefined;
  let steps = 0;
  let weight: tf.Variable | undefined;
  let mean: tf.Variable | undefined;
  return {
    name: 'right',
    setup(run) {
      rng = run.rng;
      weight = Object.values(run.network)[0] as tf.Variable;
      mean = createVariable(tf.clone(weight), false);
    },
    buildAux: (site, build) => (site.next === null ? build(site) : scaled(build(site))),
    afterBackward: ({ gradients }) => {
      const factor = 1 + 0.1 * (rng?.next() ?? 0);
      return gradients.map((gradient) => gradient && tf.mul(gradient, factor));
    },
    afterStep() {
      steps++;
      const move = (variable: tf.Variable | undefined, to: tf.Variable | undefined, share: number) =>
        tf.tidy(() => variable?.assign(tf.add(tf.mul(variable, 1 - share), tf.mul(to as tf.Variable, share))));
      move(mean, weight, 1 / (1 + steps));
      move(weight, mean, 0.1);
    },
    state: (): NamedVariables => (mean === undefined ? {} : { 'right.mean': mean }),
    saveState: () => ({ steps }),
    loadState(state) {
      steps = (state as { steps: number }).steps;
    },
    dispose: () => mean?.dispose(),
  };
}

/** Features times a trained factor. */
function scaled(inner: AuxiliaryNetwork, multiply: (x: tf.Tensor, factor: tf.Variable) => tf.Tensor = tf.mul): AuxiliaryNetwork {
  const factor = createVariable(tf.scalar(1));
  return {
    loss: (features, batch) =>
      tf.tidy(() => inner.loss(multiply(features, factor), batch) as unknown as tf.TensorContainer) as unknown as LocalLossValue,
    parameters: () => ({ factor, ...inner.parameters() }),
    buffers: () => inner.buffers(),
    dispose() {
      factor.dispose();
      inner.dispose();
    },
  };
}

/** The suite for a plugin with other hooks. */
const changed = (change: (plugin: TrainerPlugin) => Partial<TrainerPlugin>) => () =>
  pluginConformance(() => {
    const plugin = right();
    return { ...plugin, ...change(plugin) };
  });
/** The suite for a plugin of its own. */
const plugin = (make: () => Omit<TrainerPlugin, 'name'>) => () => pluginConformance(() => ({ name: 'broken', ...make() }));

/** Half of the channels. */
const narrowed = (site: AuxSite): AuxSite => ({
  ...site,
  featureShape: [...site.featureShape.slice(0, 2), (site.featureShape[2] as number) / 2],
});
const firstOf = (network: NamedVariables) => Object.values(network)[0] as tf.Variable;

let calls = 0;

expectToCatch('pluginConformance', pluginConformance(right), {
  'holds nothing before a run': {
    'a variable of the factory': plugin(() => {
      createVariable(tf.scalar(1));
      return {};
    }),
    'a variable of setup that is never freed': changed(() => ({ dispose() {} })),
    'a variable of buildAux that is never freed': plugin(() => ({
      buildAux(site, build) {
        createVariable(tf.scalar(1));
        return build(site);
      },
    })),
  },
  'trains with any number of blocks': {
    'a plugin that needs a next block': plugin(() => ({
      buildAux: (site, build) => build({ ...site, rng: site.rng.split((site.next as LocalBlock).units[0].name) }),
    })),
    'a loss that is not finite at the end': plugin(() => ({
      buildAux: (site, build) => (site.depth === 1 ? scaled(build(site), (x) => tf.div(x, 0)) : build(site)),
    })),
  },
  'leaves its neighbours their hooks': {
    'a plugin that ends runs': plugin(() => {
      let stop = () => {};
      return {
        setup(run) {
          stop = run.stop;
        },
        onEpochEnd: () => stop(),
      };
    }),
    'a plugin that builds for another block': plugin(() => ({
      buildAux: (site, build) => build({ ...site, block: { ...site.block, index: 7 } }),
    })),
  },
  'hands on gradients that fit': {
    'gradients as numbers': changed(() => ({
      afterBackward: ({ gradients }) => gradients.map((gradient) => gradient && tf.sum(gradient)),
    })),
    'gradients that are disposed of': plugin(() => ({
      afterBackward({ gradients }) {
        tf.dispose([...gradients] as tf.Tensor[]);
      },
    })),
    'gradients that are not finite': plugin(() => ({
      afterBackward: ({ gradients }) => gradients.map((gradient) => gradient && tf.div(gradient, 0)),
    })),
  },
  'promises the shapes that it hands on': {
    'another shape without a word': plugin(() => ({
      buildAux: (site, build) =>
        site.next === null
          ? build(site)
          : scaled(build(narrowed(site)), (x) => tf.slice(x, [0, 0, 0, 0], [-1, -1, -1, (x.shape[3] as number) / 2])),
    })),
    'a shape that it does not hand on': plugin(() => ({ featureShape: () => [1, 1, 1] })),
  },
  'has the gradients of finite differences': {
    'a factor that is not differentiated': plugin(() => ({
      buildAux: (site, build) => scaled(build(site), (x, factor) => tf.mul(x, factor.dataSync()[0] as number)),
    })),
    'features that are detached': plugin(() => ({
      buildAux: (site, build) => scaled(build(site), (x, factor) => tf.mul(tf.tensor(x.dataSync(), x.shape), factor)),
    })),
  },
  'keeps the number of tensors': {
    'a tensor more in each step': plugin(() => {
      const kept: tf.Tensor[] = [];
      return { afterStep: () => void kept.push(tf.scalar(1)), dispose: () => tf.dispose(kept) };
    }),
  },
  'frees everything': {
    'tensors of hooks': plugin(() => ({ onEpochEnd: () => void tf.scalar(1) })),
    'what is only freed when fit ends': plugin(() => {
      const kept: tf.Tensor[] = [];
      return { onEpochStart: () => void kept.push(tf.scalar(1)), onFitEnd: () => tf.dispose(kept) };
    }),
    'what is only freed behind an evaluation that succeeds': plugin(() => {
      const kept: tf.Tensor[] = [];
      return {
        onEvaluateStart: () => void kept.push(tf.scalar(1)),
        onEvaluateEnd: (evaluation) => (evaluation === null ? undefined : tf.dispose(kept)),
      };
    }),
  },
  'evaluates without changing training': {
    'weights that are not put back': plugin(() => swapping(() => false)),
    'weights that are only put back when all goes well': plugin(() => swapping((isWell) => isWell)),
  },
  "works in a loop of one's own": {
    'a plugin that begins with the first epoch': plugin(() => {
      let rate: number | undefined;
      return {
        onEpochStart({ learningRate }) {
          rate = learningRate;
        },
        afterBackward: ({ gradients }) => gradients.map((gradient) => gradient && tf.mul(gradient, rate ?? Number.NaN)),
      };
    }),
  },
  'goes on where fit is called again': {
    'a plugin that forgets when fit ends': changed((own) => ({ onFitEnd: () => own.loadState?.({ steps: 0 }) })),
  },
  'keeps runs apart': {
    'a counter of the module': plugin(() => ({
      afterBackward({ gradients }) {
        calls++;
        return gradients.map((gradient) => gradient && tf.mul(gradient, 1 + 0.01 * calls));
      },
    })),
  },
  'is decided by its seed': {
    'Math.random': plugin(() => ({
      afterBackward: ({ gradients }) => gradients.map((gradient) => gradient && tf.mul(gradient, Math.random())),
    })),
    'weights drawn without the seed': plugin(() => ({ buildAux: (site, build) => build({ ...site, rng: createRng(Math.random()) }) })),
  },
  'saves what JSON can keep': {
    'a map': changed(() => ({ saveState: () => new Map([['steps', 1]]), loadState() {} })),
    'a number that JSON has not': changed(() => ({ saveState: () => ({ best: Number.NEGATIVE_INFINITY }), loadState() {} })),
    'a typed array': changed(() => ({ saveState: () => ({ counts: Float32Array.of(1, 2) }), loadState() {} })),
  },
  'names its variables': {
    'names of the network': changed((own) => ({
      state: () => Object.fromEntries(Object.values(own.state?.() ?? {}).map((mean) => ['a.conv.weight', mean])),
    })),
    'a copy in each call': changed((own) => ({
      state: () => Object.fromEntries(Object.entries(own.state?.() ?? {}).map(([name, mean]) => [name, createVariable(tf.clone(mean))])),
    })),
    'a name twice in the network it wraps': plugin(() => ({
      buildAux(site, build) {
        const aux = build(site);
        return { ...aux, buffers: () => aux.parameters() };
      },
    })),
  },
  'resumes bit for bit': {
    'a counter that is not saved': changed((own) => ({ saveState: () => ({}), loadState: () => own.loadState?.({ steps: 0 }) })),
    'a mean that is not saved': changed(() => ({ state: () => ({}) })),
  },
});

/** Halves a weight while the network is evaluated. */
function swapping(putsBack: (isWell: boolean) => boolean): Omit<TrainerPlugin, 'name'> {
  let weight: tf.Variable;
  const times = (factor: number) => tf.tidy(() => weight.assign(tf.mul(weight, factor)));
  return {
    setup({ network }) {
      weight = firstOf(network);
    },
    onEvaluateStart: () => times(0.5),
    onEvaluateEnd: (evaluation) => (putsBack(evaluation !== null) ? times(2) : undefined),
  };
}
