import { createRng } from '@man/base';
import {
  type AuxiliaryNetwork,
  auxSite,
  type BlockStep,
  cutIntoBlocks,
  disposeBatch,
  type Network,
  type Trainer,
  type TrainerPlugin,
} from '@man/core';
import { createVariable } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { type Check, type ChecksOf, checksOf } from './check.ts';
import { demand, demandFinite, demandNoTensors, demandSameValues, demandShape, valuesByName } from './compare.ts';
import { compareGradients } from './finite-differences.ts';
import { checkNames, type Holder } from './holders.ts';
import {
  endOf,
  expectFailure,
  failing,
  inRun,
  type PluginConformanceOptions,
  type PluginSubject,
  recipeOf,
  type Surroundings,
  spy,
  step,
} from './plugin-runs.ts';
import { checkRepeats, checkResumes, dataFor, demandSameState, type RunState, stateOf, train } from './runs.ts';
import { batchOf, convolutionalBackbone, linearLoss } from './tiny.ts';

/**
 * What a {@link TrainerPlugin} has to keep to, so that it goes together with other plugins, any number of blocks, and runs that are resumed.
 *
 * It trains a small network of convolutions for two epochs of three steps, in three blocks and end to end. A plugin that ends runs must be told
 * not to end these. Runs on the engine that is in use; choose one with `useEngine` before.
 *
 * @param create makes the plugin; called several times
 * @example
 * ```ts
 * import { describe, test } from 'vitest';
 * describe('my plugin', () => runConformance(pluginConformance(() => myPlugin()), { test }));
 * ```
 */
export function pluginConformance(create: () => TrainerPlugin, options: PluginConformanceOptions = {}): Check[] {
  const { others = () => [], tolerance = 0.03 } = options;
  return checksOf(PLUGIN_CHECKS, { create, others, tolerance });
}

const where = ({ create }: PluginSubject) => `plugin '${create().name}'`;
const byDispose = 'dispose of all that it made in dispose()';

/** Builds the auxiliary network of the first of three blocks through the plugin alone. */
function wrapped({ create }: PluginSubject): { readonly aux: AuxiliaryNetwork; dispose(): void } {
  const backbone = convolutionalBackbone();
  const network: Network = backbone.build(createRng('network'));
  const site = auxSite(cutIntoBlocks(backbone, network, { blocks: 3 }), 0, backbone, createRng('aux'));
  const build = (own: typeof site) => linearLoss().build(own);
  const plugin = create();
  const aux = plugin.buildAux?.(site, build) ?? build(site);
  return {
    aux,
    dispose() {
      aux.dispose();
      plugin.dispose?.();
      for (const unit of [...network.units, network.classifier]) unit.dispose();
    },
  };
}

/** The checks by name. */
export const PLUGIN_CHECKS: ChecksOf<PluginSubject> = {
  'holds nothing before a run': async (subject) => {
    const hint = 'make variables in setup or buildAux';
    await demandNoTensors(`${where(subject)}, made but not used`, hint, () => void subject.create());
    const make = (f: (trainer: Trainer) => void | Promise<void>) => inRun(recipeOf(subject), f);
    await demandNoTensors(`${where(subject)}, in a trainer that never runs`, byDispose, () => make(() => {}));
    await demandNoTensors(`${where(subject)}, in a trainer that is only set up`, byDispose, () => make((trainer) => trainer.setup()));
  },

  'trains with any number of blocks': async (subject) => {
    for (const blocks of [1, 2, 3]) await inRun(recipeOf(subject, { blocks }), (trainer) => train(trainer, 1));
  },

  'leaves its neighbours their hooks': async (subject) => {
    const seen: string[][] = [];
    for (const create of [() => ({ name: 'testkit-nothing' }), subject.create]) {
      const own: string[] = [];
      await inRun(recipeOf({ ...subject, create }, { first: spy('first', own), last: spy('last', own) }), (trainer) => train(trainer));
      seen.push(own);
    }
    const [without = [], having = []] = seen;
    const at = Math.max(without.length, having.length) - 1;
    const differing = without.findIndex((text, i) => text !== having[i]);
    const found = differing === -1 && having.length > without.length ? at : differing;
    const hint = 'neighbours see the same hooks in the same order with it as without it';
    demand(found === -1, `${where(subject)}, its neighbours' hook ${found + 1}`, `'${without[found]}'`, `'${having[found]}'`, hint);
  },

  'hands on gradients that fit': async (subject) => {
    // First in the list, so last to see them.
    const look = ({ block, variables, gradients: slopes }: BlockStep) => {
      Object.entries(variables).forEach(([name, variable], i) => {
        const slope = slopes[i];
        const at = `${where(subject)}, block ${block.index + 1}, gradient of ${name}`;
        if (slope === null || slope === undefined) return;
        demand(!slope.isDisposed, at, 'a tensor', 'one that is disposed of', 'the trainer disposes of gradients');
        demandShape(slope, variable.shape, at, 'a gradient has the shape of its variable');
        demandFinite(slope, at, 'guard divisions and roots');
      });
    };
    const spying: TrainerPlugin = { name: 'testkit-look', afterBackward: (at) => look(at) };
    await inRun(recipeOf(subject, { first: spying }), (trainer) => train(trainer, 1));
  },

  'promises the shapes that it hands on': async (subject) => {
    const plugin = subject.create();
    const handedOn: TrainerPlugin = {
      name: 'testkit-look',
      buildAux(site, build) {
        if (site.next !== null) {
          const { block, next, imageShape, classes } = site;
          const cut = {
            last: block.units.at(-1) ?? block.units[0],
            next: next.units[0],
            featureShape: block.outputShape,
            imageShape,
            classes,
          };
          const promised = plugin.featureShape?.(cut) ?? block.outputShape;
          const hint = 'featureShape(site) tells what buildAux hands on in site.featureShape, where they differ';
          demand(
            `${promised}` === `${site.featureShape}`,
            `${where(subject)}, block ${block.index + 1}`,
            `features of [${promised}]`,
            `[${site.featureShape}]`,
            hint,
          );
        }
        return build(site);
      },
    };
    await inRun(recipeOf({ ...subject, create: () => plugin }, { last: handedOn }), () => {});
  },

  'has the gradients of finite differences': (subject) => {
    const { aux, dispose } = wrapped(subject);
    const features = createVariable(tf.tensor(createRng('features').uniform(new Float32Array(6 * 144)), [6, 6, 6, 4]));
    const batch = batchOf([6, 6, 2], 3, 6);
    compareGradients({
      where: `${where(subject)}, the network it wraps`,
      variables: { 'the features': features, ...aux.parameters() },
      buffers: aux.buffers(),
      tolerance: subject.tolerance,
      f: () => tf.tidy(() => aux.loss(features, batch).total),
    });
    disposeBatch(batch);
    features.dispose();
    dispose();
  },

  'keeps the number of tensors': async (subject) => {
    const counts: number[] = [];
    const count: TrainerPlugin = { name: 'testkit-count', onProgress: () => void counts.push(tf.memory().numTensors) };
    await inRun(recipeOf(subject, { first: count }), (trainer) => train(trainer, 3));
    const [before, behind] = [counts.at(-4) as number, counts.at(-1) as number];
    demand(
      before === behind,
      where(subject),
      `${before} tensors after each epoch`,
      `${behind}`,
      'make tensors in tf.tidy; variables are made once',
    );
  },

  'frees everything': async (subject) => {
    const once = (surroundings: Surroundings, f: (trainer: Trainer) => Promise<void>) => () => inRun(recipeOf(subject, surroundings), f);
    await demandNoTensors(
      `${where(subject)}, after a run`,
      byDispose,
      once({}, (trainer) => train(trainer)),
    );
    for (const place of ['first', 'last'] as const) {
      const fails = once({ [place]: failing }, (trainer) => expectFailure(train(trainer)));
      await demandNoTensors(`${where(subject)}, after a step that failed`, byDispose, fails);
    }
    const empty = { examples: 0, batches: 0, epoch: () => [] };
    const evaluates = once({}, async (trainer) => {
      await trainer.setup();
      await trainer.evaluate(empty).catch(() => {});
    });
    await demandNoTensors(`${where(subject)}, after an evaluation that failed`, byDispose, evaluates);
  },

  'evaluates without changing training': async (subject) => {
    const empty = { examples: 0, batches: 0, epoch: () => [] };
    await inRun(recipeOf(subject), async (trainer) => {
      await trainer.setup();
      step(trainer, 1);
      trainer.readMetrics();
      const before = valuesByName(trainer.variables());
      const hint = 'what onEvaluateStart changes, onEvaluateEnd puts back, also where it is told null';
      await trainer.evaluate(dataFor(trainer));
      demandSameValues(valuesByName(trainer.variables()), before, `${where(subject)}, after an evaluation`, hint);
      await trainer.evaluate(empty).catch(() => {});
      demandSameValues(valuesByName(trainer.variables()), before, `${where(subject)}, after an evaluation that failed`, hint);
    });
  },

  "works in a loop of one's own": (subject) =>
    inRun(recipeOf(subject), async (trainer) => {
      await trainer.setup();
      await trainer.evaluate(dataFor(trainer));
      for (const seed of [1, 2]) step(trainer, seed);
      trainer.readMetrics();
    }),

  'goes on where fit is called again': async (subject) => {
    const states: RunState[] = [];
    for (const calls of [[2], [1, 2]]) {
      await inRun(recipeOf(subject), async (trainer) => {
        for (const epochs of calls) await train(trainer, epochs);
        states.push(stateOf(trainer));
      });
    }
    const [once, twice] = states as [RunState, RunState];
    demandSameState(twice, once, `${where(subject)}, trained in two calls of fit`, 'onFitEnd is no end of the run: dispose is');
  },

  'keeps runs apart': async (subject) => {
    const recipe = recipeOf(subject);
    const alone = await endOf(recipe, async (trainer) => {
      for (const seed of [1, 2, 3]) step(trainer, seed);
    });
    const beside = await endOf(recipe, (trainer) =>
      inRun(recipe, async (other) => {
        await other.setup();
        for (const seed of [1, 2, 3]) {
          step(other, seed + 5);
          step(trainer, seed);
        }
        other.readMetrics();
      }),
    );
    demandSameState(beside, alone, `${where(subject)}, beside another run`, 'keep what belongs to a run in the plugin, not in its module');
  },

  'is decided by its seed': (subject) => checkRepeats(recipeOf(subject), where(subject)),

  'saves what JSON can keep': (subject) =>
    inRun(recipeOf(subject), async (trainer) => {
      await trainer.setup();
      step(trainer, 1);
      trainer.readMetrics();
      for (const { state } of Object.values(trainer.snapshot().position.plugins)) {
        const kept: unknown = state === undefined ? undefined : JSON.parse(JSON.stringify(state));
        demand(
          isSame(state, kept),
          `${where(subject)}, saveState()`,
          'what JSON gives back as it was',
          JSON.stringify(kept),
          'plain objects, lists, texts and finite numbers',
        );
      }
    }),

  'names its variables': async (subject) => {
    const { aux, dispose } = wrapped(subject);
    checkNames(aux, `${where(subject)}, the network it wraps`);
    dispose();
    const plugin = subject.create();
    const about = `${where(subject)}, state()`;
    checkNames(holding(plugin), `${about} before setup`);
    await inRun(recipeOf({ ...subject, create: () => plugin }), async (trainer) => {
      await trainer.setup();
      checkNames(holding(plugin), about);
      const isTaken = (name: string) => /^(aux|optimizer)\./.test(name) || name in trainer.networkVariables();
      const taken = Object.keys(plugin.state?.() ?? {}).find(isTaken);
      demand(taken === undefined, about, 'names of its own', `'${taken}'`, "put the plugin's name in front: myPlugin.mean");
    });
  },

  'resumes bit for bit': (subject) => checkResumes(recipeOf(subject), where(subject)),
};

/** The variables of its own. */
const holding = (plugin: TrainerPlugin): Holder => ({ parameters: () => ({}), buffers: () => plugin.state?.() ?? {}, dispose() {} });

/** Whether values are equal all through, and of the same kind. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  const [mine, other] = [Object.entries(a), new Map(Object.entries(b))];
  return mine.length === other.size && mine.every(([key, value]) => other.has(key) && isSame(value, other.get(key)));
}
