import { createRng, type Rng } from '@man/base';
import {
  type AuxiliaryNetwork,
  type AuxSite,
  auxSite,
  type Batch,
  cutIntoBlocks,
  disposeBatch,
  type LocalLoss,
  type LocalLossValue,
  type Shape,
} from '@man/core';
import { createVariable, gradients } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { type Check, type ChecksOf, checksOf } from './check.ts';
import {
  demand,
  demandEqual,
  demandFinite,
  demandNoTensors,
  demandSameValues,
  demandShape,
  demandTensors,
  valuesByName,
  valuesOf,
} from './compare.ts';
import { compareGradients } from './finite-differences.ts';
import { checkCounts, checkDisposal, checkNames, checkSeed, using, variablesOf } from './holders.ts';
import { checkRepeats, checkResumes, type TrainerRecipe } from './runs.ts';
import { batchOf, projectingBackbone } from './tiny.ts';

/** Options of {@link lossConformance}. */
export interface LossConformanceOptions {
  /** Shape of the features in front of the loss; default `[8, 8, 4]`, pictures. */
  readonly featureShape?: Shape;
  /** Other features that a block may give, as behind MAN at the border of a stage; default `[4, 5, 6]`, or `[7]` for flat ones. */
  readonly otherShape?: Shape;
  /** Default `[8, 8, 3]`. */
  readonly imageShape?: Shape;
  /** Default 3. */
  readonly classes?: number;
  /** Examples in a batch; default 6. */
  readonly batch?: number;
  /** How far a slope may be off finite differences, relative to the gradient's length; default 0.03. */
  readonly tolerance?: number;
}

/** A local loss under test. */
export interface LossSubject extends Required<LossConformanceOptions> {
  create(): LocalLoss;
}

/**
 * What a {@link LocalLoss} has to keep to, so that it trains any block, with MAN and without, and in runs that are resumed.
 *
 * Runs on the engine that is in use; choose one with `useEngine` before.
 *
 * @param create makes the recipe; called several times
 * @example
 * ```ts
 * import { describe, test } from 'vitest';
 * describe('my loss', () => runConformance(lossConformance(() => myLoss()), { test }));
 * ```
 */
export function lossConformance(create: () => LocalLoss, options: LossConformanceOptions = {}): Check[] {
  const { featureShape = [8, 8, 4], imageShape = [8, 8, 3], classes = 3, batch = 6, tolerance = 0.03 } = options;
  const { otherShape = featureShape.length === 1 ? [7] : [4, 5, 6] } = options;
  return checksOf(LOSS_CHECKS, { create, featureShape, otherShape, imageShape, classes, batch, tolerance });
}

interface Place {
  readonly aux: AuxiliaryNetwork;
  readonly features: tf.Variable;
  readonly batch: Batch;
  readonly where: string;
}

/** Builds the loss behind the first of three blocks, for features and a batch of as many examples. */
async function at(subject: LossSubject, f: (place: Place) => void, examples = subject.batch, shape = subject.featureShape): Promise<void> {
  const { loss, dispose } = placed(subject, shape);
  try {
    await using(loss(createRng('aux')), (aux) => {
      const features = featuresOf(shape, examples);
      const batch = batchOf(subject.imageShape, subject.classes, examples);
      f({ aux, features, batch, where: `loss '${subject.create().name}'` });
      features.dispose();
      disposeBatch(batch);
    });
  } finally {
    dispose();
  }
}

/** A network to stand in, and what builds the auxiliary network of one of its blocks. */
function placed({ create, imageShape, classes }: LossSubject, featureShape: Shape) {
  const backbone = projectingBackbone(imageShape, featureShape, classes);
  const network = backbone.build(createRng('network'));
  const blocks = cutIntoBlocks(backbone, network, { blocks: 3 });
  const site = (rng: Rng, index: number): AuxSite => auxSite(blocks, index, backbone, rng);
  return {
    loss: (rng: Rng, index = 0) => create().build(site(rng, index)),
    dispose() {
      for (const unit of [...network.units, network.classifier]) unit.dispose();
    },
  };
}

/** As behind a ReLU: about half of them 0. */
function featuresOf(shape: Shape, examples: number): tf.Variable {
  const values = createRng('features').normal(new Float32Array(shape.reduce((a, b) => a * b, examples)));
  return createVariable(
    tf.tensor(
      values.map((value) => Math.max(value, 0)),
      [examples, ...shape],
    ),
  );
}

function disposeValue({ total, terms, logits }: LocalLossValue): void {
  tf.dispose([total, terms, logits ?? []] as tf.TensorContainer);
}

const tensorsIn = ({ total, terms, logits }: LocalLossValue) =>
  new Set([total, ...Object.values(terms), ...(logits === undefined ? [] : [logits])]).size;

/** The checks by name. */
export const LOSS_CHECKS: ChecksOf<LossSubject> = {
  'holds nothing before it is built': async ({ create }) => {
    const hint = 'a loss is a recipe: make variables in build, for each block its own';
    await demandNoTensors('the loss', hint, () => void create());
  },

  'gives a loss and its terms': (subject) =>
    at(subject, ({ aux, features, batch, where }) => {
      const value = aux.loss(features, batch);
      const { total, terms, logits } = value;
      demandShape(total, [], `${where}, total`, 'total is what is minimised: one scalar');
      demandFinite(total, `${where}, total`, 'guard divisions, logarithms and roots');
      demand(
        Object.keys(terms).length > 0,
        `${where}, terms`,
        'at least one',
        'none',
        'terms are what reports show: { classification: total }',
      );
      for (const [name, term] of Object.entries(terms)) {
        demandShape(term, [], `${where}, terms.${name}`, 'a term is one scalar');
        demandFinite(term, `${where}, terms.${name}`, 'guard divisions, logarithms and roots');
      }
      if (logits !== undefined)
        demandShape(logits, [subject.batch, subject.classes], `${where}, logits`, 'one row per example, one column per class');
      disposeValue(value);
    }),

  'leaves features and batch to the caller': (subject) =>
    at(subject, ({ aux, features, batch, where }) => {
      const given = { features, images: batch.images, labels: batch.labels, pixels: batch.pixels as tf.Tensor };
      const before = valuesByName(given);
      disposeValue(aux.loss(features, batch));
      for (const [name, tensor] of Object.entries(given)) {
        demand(!tensor.isDisposed, `${where}, ${name}`, 'that they live on', 'them disposed of', 'dispose only of what loss makes');
        demandEqual(valuesOf(tensor), before[name] ?? new Float32Array(), `${where}, ${name}`, 'what is given is only read');
      }
    }),

  'leaves no tensors behind': (subject) =>
    at(subject, ({ aux, features, batch, where }) => {
      const hint = 'run loss in tf.tidy, and return only the total, its terms and logits';
      demandTensors(tensorsIn, `${where}, loss()`, hint, () => aux.loss(features, batch), disposeValue);
    }),

  'has the gradients of finite differences': (subject) =>
    at(subject, ({ aux, features, batch, where }) => {
      compareGradients({
        where,
        variables: { 'the features': features, ...aux.parameters() },
        buffers: aux.buffers(),
        tolerance: subject.tolerance,
        f: () => tf.tidy(() => aux.loss(features, batch).total),
      });
    }),

  'trains the block': (subject) =>
    at(subject, ({ aux, features, batch, where }) => {
      const { value, gradients: slopes } = gradients(() => ({ loss: aux.loss(features, batch).total }), [features]);
      const [slope] = slopes;
      const isTrained = slope?.dataSync().some((value) => value !== 0) === true;
      const hint = 'the features reach total through operations that are differentiated; the block learns by nothing else';
      demand(isTrained, `${where}, gradient of the features`, 'one that is not 0', slope === null ? 'none' : 'zeros', hint);
      tf.dispose([value.loss, slopes as tf.Tensor[]]);
    }),

  'takes the features it is told of': async (subject) => {
    const examples = subject.batch;
    const check = ({ aux, features, batch, where }: Place) => {
      const value = aux.loss(features, batch);
      demandFinite(value.total, `${where}, features of [${subject.otherShape}]`, 'build for site.featureShape');
      disposeValue(value);
    };
    await at(subject, check, examples, subject.otherShape);
  },

  'takes every batch, or says why not': async (subject) => {
    for (const examples of [1, 2, subject.batch + 1]) {
      await at(
        subject,
        ({ aux, features, batch, where }) => {
          const before = tf.memory().numTensors;
          const value = lossOrError(aux, features, batch);
          if (value === null) return;
          demandFinite(value.total, `${where}, a batch of ${examples}`, 'throw an error that says what to do where a batch is too small');
          disposeValue(value);
          const left = tf.memory().numTensors - before;
          demand(left === 0, `${where}, a batch of ${examples}`, 'no tensors left behind', `${left}`, 'run loss in tf.tidy');
        },
        examples,
      );
    }
  },

  'leaves its parameters to the optimiser': (subject) =>
    at(subject, ({ aux, features, batch, where }) => {
      const before = valuesByName(aux.parameters());
      disposeValue(aux.loss(features, batch));
      const hint = 'what loss itself changes belongs into buffers()';
      demandSameValues(valuesByName(aux.parameters()), before, `${where}, after loss()`, hint);
    }),

  'names its variables': (subject) => at(subject, ({ aux, where }) => checkNames(aux, where)),

  'is decided by its seed': async (subject) => {
    const { loss, dispose } = placed(subject, subject.featureShape);
    checkSeed(loss, 'the auxiliary network');
    dispose();
    await checkRepeats(recipeOf(subject), 'the loss');
  },

  'shares nothing between blocks': (subject) => {
    const { loss, dispose } = placed(subject, subject.featureShape);
    const [first, second] = [loss(createRng('aux').split('0')), loss(createRng('aux').split('1'), 1)];
    const mine = new Set(Object.values(variablesOf(first)));
    const shared = Object.entries(variablesOf(second)).find(([, variable]) => mine.has(variable))?.[0];
    demand(shared === undefined, 'the loss, in two blocks', 'variables of their own', `one '${shared}'`, 'make variables in build');
    for (const each of [first, second]) each.dispose();
    dispose();
  },

  'counts its cost': (subject) => at(subject, ({ aux, where }) => checkCounts(aux, where)),

  'frees its variables': async (subject) => {
    const { loss, dispose } = placed(subject, subject.featureShape);
    await checkDisposal(loss, 'the auxiliary network');
    dispose();
  },

  'resumes bit for bit': (subject) => checkResumes(recipeOf(subject), 'the loss'),
};

/** What the loss gives, or null where it throws an error with a message. */
function lossOrError(aux: AuxiliaryNetwork, features: tf.Tensor, batch: Batch): LocalLossValue | null {
  try {
    return aux.loss(features, batch);
  } catch (error) {
    if (error instanceof Error && error.message !== '') return null;
    throw error;
  }
}

function recipeOf({ create, imageShape, featureShape, classes }: LossSubject): TrainerRecipe {
  return () => ({ backbone: projectingBackbone(imageShape, featureShape, classes), partition: { blocks: 3 }, loss: create() });
}
