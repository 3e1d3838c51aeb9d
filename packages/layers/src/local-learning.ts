import { createRng } from '@man/base';
import type { AuxiliaryNetwork, AuxSite, LocalLoss, Shape } from '@man/core';
import { createMan, type Man, type ManOptions } from '@man/plugin';
import type * as tf from '@tensorflow/tfjs';
import { BlockLearner } from './block-learner.ts';
import { lossMissing, notCompiled } from './errors.ts';
import { LocalModel, nameOf } from './local-model.ts';
import { type PlannedBlock, planOf } from './plan.ts';
import { checkLoss, endsOf } from './supported.ts';

export interface LocalLearningOptions {
  /** Number of blocks, cut so that the most that one keeps for its way back is least; 1 is end-to-end training. Not together with `cuts`. */
  readonly blocks?: number;
  /** Names of the last layer of each block but the final one, in order. Not together with `blocks`. */
  readonly cuts?: readonly string[];
  /** By what all blocks but the last learn, e.g. `dgl()`; needed for two blocks and more. */
  readonly loss?: LocalLoss;
  /** Whether the local losses look at the next block through MAN, with its defaults or with these options; default false. */
  readonly man?: boolean | ManOptions;
  /** Default: the one that the model was compiled with. Each block but the last has a copy of it, with state of its own. */
  readonly optimizer?: tf.ModelCompileArgs['optimizer'];
  /**
   * Makes of a batch of inputs the pictures in [0, 1] that it shows, of the same shape: what InfoPro rebuilds. `(x) => x` where inputs are in [0, 1],
   * else the reverse of the normalisation. Needed for losses that ask for pixels.
   */
  readonly pixels?: (x: tf.Tensor) => tf.Tensor;
  /** For the weights of local losses; default 0. */
  readonly seed?: number | string;
}

/**
 * A model of tfjs-layers as one that trains in gradient-isolated blocks, with its own `fit`, `evaluate`, `predict` and `save`.
 *
 * The layers and variables are those of `model`, which holds the trained weights at any time. Loss and metrics are those that it was
 * compiled with; of one that was not `'categoricalCrossentropy'` and `['accuracy']`.
 *
 * @throws MAN_LAYERS_UNSUPPORTED, with the layer's name; MAN_LAYERS_CUT, MAN_LAYERS_LOSS, MAN_LAYERS_COMPILE; MAN_CORE_PARTITION,
 * MAN_CORE_OPTION, MAN_CORE_CUT, MAN_CORE_CUT_UNUSABLE; MAN_PLUGIN_OPTION, MAN_PLUGIN_CONFLICT
 * @example
 * ```ts
 * model.compile({ optimizer: tf.train.adam(), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
 * const local = localLearning(model, { blocks: 4, loss: dgl(), man: true });
 * const history = await local.fit(x, y, { epochs: 10, validationSplit: 0.1 });
 * ```
 */
export function localLearning(model: tf.LayersModel, options: LocalLearningOptions = {}): LocalModel {
  const [input, output] = endsOf(model);
  const compile = compileArgs(model, options.optimizer);
  const manOptions = options.man === true ? {} : options.man || null;
  const man = manOptions === null ? null : createMan(manOptions);
  const plan = planOf(input, output, { ...options, looks: man !== null });
  const { loss, pixels, seed = 0 } = options;
  if (plan.length > 1 && loss === undefined) throw lossMissing(plan.length);
  const common = { imageShape: input.shape.slice(1) as number[], classes: output.shape[1] as number, depth: plan.length };
  const learners = learnersOf(plan, (planned, next, i) => {
    const rng = createRng(seed).split(`aux.${i}`);
    return auxiliaryOf(planned, man, (featureShape) =>
      (loss as LocalLoss).build({ ...common, block: planned.block, next, following: planned.following, featureShape, rng }),
    );
  });
  const namesOf = (layers: readonly tf.layers.Layer[] = []) => layers.map(({ name }) => name);
  const blocks = plan.map(({ layers, look }) => ({ layers: namesOf(layers), looksAt: man === null ? [] : namesOf(look?.layers) }));
  return new LocalModel(model, { blocks, learners, man, movesInTurn: manOptions?.when === 'before-step', pixels, compile });
}

function compileArgs(model: tf.LayersModel, given: LocalLearningOptions['optimizer']): tf.ModelCompileArgs {
  const optimizer = given ?? model.optimizer;
  if (optimizer === undefined) throw notCompiled();
  const { loss, metrics = [] } = model.loss === undefined ? { loss: 'categoricalCrossentropy', metrics: ['accuracy'] } : model;
  checkLoss(loss);
  return { optimizer, loss, metrics };
}

type BuildAux = (planned: PlannedBlock, next: AuxSite['next'], index: number) => AuxiliaryNetwork;

/** One learner per block, without local loss for the last and for those with nothing to train. What fails leaves nothing behind. */
function learnersOf(plan: readonly PlannedBlock[], build: BuildAux): BlockLearner[] {
  const learners: BlockLearner[] = [];
  try {
    for (const [i, planned] of plan.entries()) {
      const next = plan[i + 1]?.block ?? null;
      const isTrained = planned.layers.some((layer) => layer.trainableWeights.length > 0);
      const aux = next !== null && isTrained ? build(planned, next, i) : null;
      learners.push(new BlockLearner(planned.block.units, planned.layers, aux));
    }
    return learners;
  } catch (error) {
    for (const learner of learners) learner.dispose();
    throw error;
  }
}

function auxiliaryOf({ block, look }: PlannedBlock, man: Man | null, build: (featureShape: Shape) => AuxiliaryNetwork): AuxiliaryNetwork {
  if (man === null || look === null) return build(block.outputShape);
  return man.attach({ first: look.unit, name: nameOf(block.index), aux: build, rng: createRng(0) });
}
