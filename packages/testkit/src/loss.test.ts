import { createRng } from '@man/base';
import type { AuxiliaryNetwork, AuxSite, LocalLoss, LocalLossValue } from '@man/core';
import { createVariable, softmaxCrossEntropy, useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { beforeAll } from 'vitest';
import { lossConformance } from './index.ts';
import { expectToCatch } from './testing.ts';
import { linearLoss } from './tiny.ts';

beforeAll(() => useEngine('auto'));

const right = linearLoss;
const weightOf = (aux: AuxiliaryNetwork) => aux.parameters()['linear.weight'] as tf.Variable;
const grow = (variable: tf.Variable) => tf.tidy(() => variable.assign(tf.mul(variable, 1.1)));
const constant = (scalar: tf.Tensor) => tf.scalar(scalar.dataSync()[0] as number);

/** The suite for a loss some of whose networks' members are others. */
const changed = (change: (aux: AuxiliaryNetwork, site: AuxSite) => Partial<AuxiliaryNetwork>) => () =>
  lossConformance(() => ({
    name: 'broken',
    build(site) {
      const aux = right().build(site);
      return { ...aux, ...change(aux, site) };
    },
  }));
/** The same for what it gives. */
const giving = (
  give: (value: LocalLossValue, aux: AuxiliaryNetwork, features: tf.Tensor) => Partial<Record<keyof LocalLossValue, unknown>>,
) =>
  changed((aux) => ({
    loss: (features, batch) =>
      tf.tidy(() => {
        const value = aux.loss(features, batch);
        return { ...value, ...give(value, aux, features) } as unknown as tf.TensorContainer;
      }) as unknown as LocalLossValue,
  }));
/** The suite for a loss that is built otherwise. */
const building = (build: (site: AuxSite) => AuxiliaryNetwork) => () => lossConformance(() => ({ name: 'broken', build }));

/** A loss with something in its network that no variable keeps. */
function counting(): LocalLoss {
  return {
    name: 'counting',
    build(site) {
      const aux = right().build(site);
      let calls = 0;
      return {
        ...aux,
        loss(features, batch) {
          const { total, ...rest } = aux.loss(features, batch);
          calls++;
          return { ...rest, total: tf.mul(total, 1 + 0.1 * calls) };
        },
      };
    },
  };
}

expectToCatch('lossConformance', lossConformance(right), {
  'holds nothing before it is built': {
    'a variable of the recipe': () =>
      lossConformance(() => {
        createVariable(tf.scalar(1));
        return right();
      }),
  },
  'gives a loss and its terms': {
    'one loss per example': giving(({ total }) => ({ total: tf.stack([total, total]) })),
    'a loss that is not finite': giving(({ total }) => ({ total: tf.div(total, 0) })),
    'a term that is not finite': giving(({ total }) => ({ terms: { classification: tf.log(tf.neg(total)) } })),
    'no terms': giving(() => ({ terms: {} })),
    'a number for a term': giving(() => ({ terms: { classification: 1 } })),
    'logits of other classes': giving(({ logits }) => ({ logits: tf.slice(logits as tf.Tensor2D, [0, 0], [-1, 2]) })),
  },
  'leaves features and batch to the caller': {
    'a loss that disposes of the features': changed((aux) => ({
      loss(features, batch) {
        const value = aux.loss(features, batch);
        features.dispose();
        return value;
      },
    })),
    'a loss that disposes of the labels': changed((aux) => ({
      loss(features, batch) {
        const value = aux.loss(features, batch);
        batch.labels.dispose();
        return value;
      },
    })),
    'a loss that writes into the features': changed((aux) => ({
      loss(features, batch) {
        grow(features as tf.Variable);
        return aux.loss(features, batch);
      },
    })),
  },
  'leaves no tensors behind': {
    'a tensor that is kept': giving(() => {
      tf.keep(tf.scalar(1));
      return {};
    }),
    'tensors outside of tf.tidy': changed((aux) => ({
      loss(features, batch) {
        const { total, ...rest } = aux.loss(tf.mul(features, 2), batch);
        return { ...rest, total };
      },
    })),
  },
  'has the gradients of finite differences': {
    'a term that is not differentiated': giving(({ total }) => ({ total: tf.add(total, constant(total)) })),
    'a head that is not differentiated': changed((aux, { classes }) => ({
      loss(features, { labels }) {
        const logits = tf.tidy(() => {
          const weight = tf.tensor2d(weightOf(aux).dataSync(), [weightOf(aux).shape[0] as number, classes]);
          return tf.matMul(tf.mean(features, [1, 2]), weight) as tf.Tensor2D;
        });
        const total = softmaxCrossEntropy(logits, labels);
        return { total, terms: { classification: total }, logits };
      },
    })),
  },
  'trains the block': {
    'a loss of detached features': changed((aux) => ({
      loss(features, batch) {
        return tf.tidy(
          () => aux.loss(tf.tensor(features.dataSync(), features.shape), batch) as unknown as tf.TensorContainer,
        ) as unknown as LocalLossValue;
      },
    })),
    'a loss that multiplies by zero': giving(({ total }) => ({ total: tf.mul(total, 0) })),
  },
  'takes the features it is told of': {
    'a loss that is not finite for others': changed((aux, { featureShape }) => ({
      loss(features, batch) {
        const { total, ...rest } = aux.loss(features, batch);
        return { ...rest, total: featureShape[2] === 4 ? total : tf.div(total, 0) };
      },
    })),
  },
  'takes every batch, or says why not': {
    'no number for a single example': changed((aux) => ({
      loss(features, batch) {
        const { total, ...rest } = aux.loss(features, batch);
        return { ...rest, total: tf.div(total, (features.shape[0] as number) - 1) };
      },
    })),
    'tensors left of a small batch': changed((aux) => ({
      loss(features, batch) {
        if (features.shape[0] === 2) tf.keep(tf.scalar(1));
        return aux.loss(features, batch);
      },
    })),
  },
  'leaves its parameters to the optimiser': {
    'a weight that loss changes': giving((_, aux) => {
      grow(weightOf(aux));
      return {};
    }),
  },
  'names its variables': {
    'no name': changed((aux) => ({ parameters: () => ({ '': weightOf(aux) }) })),
    'a copy in each call': changed((aux) => ({ parameters: () => ({ weight: createVariable(tf.clone(weightOf(aux))) }) })),
  },
  'is decided by its seed': {
    'Math.random for weights': building((site) => right().build({ ...site, rng: createRng(Math.random()) })),
    'the stream itself': building((site) => {
      site.rng.next();
      return right().build(site);
    }),
    'Math.random in the loss': giving(({ total }) => ({ total: tf.mul(total, 1 + Math.random()) })),
  },
  'shares nothing between blocks': {
    'one network for all blocks': () => {
      let only: AuxiliaryNetwork | undefined;
      return lossConformance(() => ({
        name: 'broken',
        build(site) {
          only ??= right().build(site);
          return only;
        },
      }));
    },
  },
  'counts its cost': {
    'a count that is not a number': changed(() => ({ macs: () => Number.NaN })),
  },
  'frees its variables': {
    'a dispose that does nothing': changed(() => ({ dispose() {} })),
  },
  'resumes bit for bit': {
    'a counter that no variable keeps': () => lossConformance(counting),
  },
});
