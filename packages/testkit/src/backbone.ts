import { createRng } from '@man/base';
import {
  type Backbone,
  createTrainer,
  cutIntoBlocks,
  disposeBatch,
  forward,
  type NamedVariables,
  type Network,
  prefixed,
  type Unit,
} from '@man/core';
import { gradients, softmaxCrossEntropy } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { type Check, type ChecksOf, checksOf } from './check.ts';
import { demand, demandFinite, demandNoTensors, demandShape } from './compare.ts';
import { checkDisposal, checkSeed, type Holder, using, variablesOf } from './holders.ts';
import { checkRepeats, checkResumes, type TrainerRecipe } from './runs.ts';
import { batchOf, linearLoss } from './tiny.ts';
import { UNIT_CHECKS } from './unit.ts';

/** Options of {@link backboneConformance}. */
export interface BackboneConformanceOptions {
  /** Examples in a batch; default 4. */
  readonly batch?: number;
  /** How far a slope of a unit may be off finite differences, relative to the gradient's length; default 0.03. */
  readonly tolerance?: number;
}

/** A backbone under test. */
export interface BackboneSubject extends Required<BackboneConformanceOptions> {
  create(): Backbone;
}

/**
 * What a {@link Backbone} has to keep to, so that it is cut anywhere, trained by any local loss, saved and resumed; and all that
 * {@link unitConformance} checks, of each of its units and of its classifier.
 *
 * Runs on the engine that is in use; choose one with `useEngine` before. Take a narrow, shallow network with small pictures.
 *
 * @param create makes the recipe; called several times
 * @example
 * ```ts
 * import { describe, test } from 'vitest';
 * const create = () => myNetwork({ width: 4, inputShape: [8, 8, 3], classes: 3 });
 * describe('my network', () => runConformance(backboneConformance(create), { test }));
 * ```
 */
export function backboneConformance(create: () => Backbone, { batch = 4, tolerance = 0.03 }: BackboneConformanceOptions = {}): Check[] {
  const subject = { create, batch, tolerance };
  return [...checksOf(BACKBONE_CHECKS, subject), ...checksOf(CHECKS_OF_UNITS, subject)];
}

const all = ({ units, classifier }: Network): readonly Unit[] => [...units, classifier];

/** A network as something with variables. */
function built(backbone: Backbone, rng = createRng('network')): Holder & { readonly network: Network } {
  const network = backbone.build(rng);
  const collect = (kind: 'parameters' | 'buffers'): NamedVariables =>
    prefixed(Object.fromEntries(all(network).map((unit) => [unit.name, unit[kind]()])));
  return {
    network,
    parameters: () => collect('parameters'),
    buffers: () => collect('buffers'),
    dispose() {
      for (const unit of all(network)) unit.dispose();
    },
  };
}

interface Place extends Holder {
  readonly backbone: Backbone;
  readonly network: Network;
  readonly where: string;
}

function within({ create }: BackboneSubject, f: (place: Place) => void): Promise<void> {
  const backbone = create();
  return using(built(backbone), (network) => f({ ...network, backbone, where: `backbone '${backbone.name}'` }));
}

/** The checks of the whole by name. */
const BACKBONE_CHECKS: ChecksOf<BackboneSubject> = {
  'holds nothing before it is built': async ({ create }) => {
    await demandNoTensors('the backbone', 'a backbone is a recipe: draw weights in build', () => void create());
  },

  'says what it is': ({ create }) => {
    const { name, inputShape, classes } = create();
    demand(name !== '', 'the backbone, name', 'a name', 'none', 'such as resnet32');
    const isShape = inputShape.length > 0 && inputShape.every((length) => Number.isInteger(length) && length > 0);
    demand(isShape, `backbone '${name}', inputShape`, 'whole numbers above 0', `[${inputShape}]`, '[height, width, channels]');
    demand(
      Number.isInteger(classes) && classes > 1,
      `backbone '${name}', classes`,
      'a whole number above 1',
      `${classes}`,
      'count the classes',
    );
  },

  'passes shapes along': (subject) =>
    within(subject, ({ backbone, network, where }) => {
      let shape = backbone.inputShape;
      for (const { name, inputShape, outputShape } of all(network)) {
        demand(
          `${inputShape}` === `${shape}`,
          `${where}, ${name}`,
          `an inputShape of [${shape}]`,
          `[${inputShape}]`,
          'what the unit in front gives',
        );
        shape = outputShape;
      }
      demand(
        `${shape}` === `${backbone.classes}`,
        `${where}, classifier`,
        `an outputShape of [${backbone.classes}]`,
        `[${shape}]`,
        'one logit per class',
      );
      const batch = batchOf(backbone.inputShape, backbone.classes, subject.batch);
      for (const training of [true, false]) {
        const logits = forward(all(network), batch.images, training);
        demandShape(logits, [subject.batch, backbone.classes], `${where}, logits`, 'one row per example');
        demandFinite(logits, `${where}, logits`, 'see how weights are drawn');
        logits.dispose();
      }
      disposeBatch(batch);
    }),

  'names its units': (subject) =>
    within(subject, ({ network: { units, classifier }, where, ...holder }) => {
      const names = units.map(({ name }) => name);
      const bad = names.find((name) => !/^[\w-]+(\.[\w-]+)*$/.test(name) || /^(aux|optimizer|classifier)\b/.test(name));
      const hint = 'names are those of cuts and checkpoints; aux, classifier and optimizer are the trainer’s';
      demand(bad === undefined, where, 'units with dotted names such as stage1.unit0', `'${bad}'`, hint);
      const twice = names.find((name, i) => names.indexOf(name) !== i);
      demand(twice === undefined, where, 'each name once', `'${twice}' twice`, hint);
      demand(classifier.name === 'classifier', `${where}, the classifier`, "the name 'classifier'", `'${classifier.name}'`, hint);
      const count = [...units, classifier].reduce((sum, unit) => sum + Object.keys(variablesOf(unit)).length, 0);
      const distinct = Object.keys(variablesOf(holder)).length;
      demand(distinct === count, where, `${count} names of variables`, `${distinct}: some are the same`, hint);
    }),

  'knows where it was cut': (subject) =>
    within(subject, ({ backbone, network, where }) => {
      for (const [blocks, cuts] of Object.entries(backbone.partitions)) {
        const hint = 'a partition names the last unit of each block but the final one';
        demand(cuts.length === Number(blocks) - 1, `${where}, partitions[${blocks}]`, `${Number(blocks) - 1} cuts`, `${cuts.length}`, hint);
        cutIntoBlocks(backbone, network, { blocks: Number(blocks) });
      }
      for (const [split, partitions] of Object.entries(backbone.splits ?? {}))
        for (const blocks of Object.keys(partitions)) cutIntoBlocks(backbone, network, { blocks: Number(blocks), split });
    }),

  'names its weights for PyTorch': (subject) =>
    within(subject, ({ backbone: { torch }, where, ...holder }) => {
      if (torch === undefined) return;
      const variables = variablesOf(holder);
      const written = Object.keys(variables).flatMap((name) => torch.namesOf(name).slice(0, 1));
      const twice = written.find((name, i) => written.indexOf(name) !== i);
      demand(
        twice === undefined,
        `${where}, torch.namesOf`,
        'another name for each variable',
        `'${twice}' twice`,
        'see the state_dict of PyTorch’s model',
      );
      for (const [name, shape] of Object.entries(torch.flattened ?? {})) {
        const rows = variables[name]?.shape[0];
        const size = shape.reduce((a, b) => a * b, 1);
        demand(
          rows === size,
          `${where}, torch.flattened, ${name}`,
          `a weight of ${size} rows`,
          `${rows ?? 'none'}`,
          '[h, w, c] of what is flattened',
        );
      }
    }),

  'trains every parameter': (subject) =>
    within(subject, ({ backbone, network, where, ...holder }) => {
      const batch = batchOf(backbone.inputShape, backbone.classes, subject.batch);
      const parameters = holder.parameters();
      const loss = () => softmaxCrossEntropy(forward(all(network), batch.images, true) as tf.Tensor2D, batch.labels);
      const { value, gradients: slopes } = gradients(() => ({ loss: loss() }), Object.values(parameters));
      for (const [i, name] of Object.keys(parameters).entries()) {
        const slope = slopes[i];
        const hint = 'a parameter that no loss reaches belongs into buffers(), or nowhere';
        demand(slope !== null && slope !== undefined, `${where}, ${name}`, 'a gradient, end to end', 'none', hint);
        demandFinite(slope as tf.Tensor, `${where}, gradient of ${name}`, 'see how weights are drawn');
      }
      tf.dispose([value.loss, slopes as tf.Tensor[]]);
      disposeBatch(batch);
    }),

  'is cut behind every unit': async (subject) => {
    const trainer = createTrainer({ ...finest(subject)(), seed: 7 });
    const batch = batchOf(trainer.backbone.inputShape, trainer.backbone.classes, subject.batch);
    trainer.step(batch);
    trainer.readMetrics();
    disposeBatch(batch);
    trainer.dispose();
  },

  'is decided by its seed': async (subject) => {
    checkSeed((rng) => built(subject.create(), rng), 'the backbone');
    await checkRepeats(() => ({ backbone: subject.create() }), 'the backbone');
  },

  'frees its variables': (subject) => checkDisposal((rng) => built(subject.create(), rng), 'the backbone'),

  'resumes bit for bit': (subject) => checkResumes(() => ({ backbone: subject.create() }), 'the backbone'),
};

/** A cut behind every unit. */
function finest({ create }: BackboneSubject): TrainerRecipe {
  const backbone = create();
  const holder = built(backbone);
  const cuts = holder.network.units.slice(0, -1).map(({ name }) => name);
  holder.dispose();
  return () => ({ backbone: create(), partition: cuts.length === 0 ? { blocks: 1 } : { cuts }, loss: linearLoss() });
}

/** The checks of units, of each unit and the classifier. */
const CHECKS_OF_UNITS: ChecksOf<BackboneSubject> = Object.fromEntries(
  Object.entries(UNIT_CHECKS).map(([name, check]) => [
    `each unit ${name}`,
    async ({ create, batch, tolerance }: BackboneSubject) => {
      const holder = built(create());
      const count = all(holder.network).length;
      holder.dispose();
      for (let i = 0; i < count; i++) await check({ create: (rng) => only(create().build(rng), i), batch, tolerance });
    },
  ]),
);

/** One unit; the others are disposed of. */
function only(network: Network, index: number): Unit {
  const units = all(network);
  for (const [i, unit] of units.entries()) if (i !== index) unit.dispose();
  return units[index] as Unit;
}
