import { createTrainer, disposeBatch, type PluginOption, type Trainer, type TrainerPlugin } from '@man/core';
import { type RunState, stateOf, type TrainerRecipe } from './runs.ts';
import { batchOf, convolutionalBackbone, linearLoss } from './tiny.ts';

/** Options of {@link pluginConformance}. */
export interface PluginConformanceOptions {
  /** Plugins that it needs in the list (`needs`), made anew for each run; they stand in front of it. Default: none. */
  readonly others?: () => PluginOption;
  /** How far a slope may be off finite differences, relative to the gradient's length; default 0.03. */
  readonly tolerance?: number;
}

/** A plugin under test. */
export interface PluginSubject extends Required<PluginConformanceOptions> {
  create(): TrainerPlugin;
}

/** Three blocks, or as many as told, with the plugin between neighbours. */
export function recipeOf({ create, others }: PluginSubject, { blocks = 3, first = [], last = [] }: Surroundings = {}): TrainerRecipe {
  return () => ({
    backbone: convolutionalBackbone(),
    partition: { blocks },
    loss: linearLoss(),
    plugins: [first, others(), create(), last],
  });
}

/** What is in the list besides the plugin under test. */
export interface Surroundings {
  readonly blocks?: number;
  readonly first?: PluginOption;
  readonly last?: PluginOption;
}

/** Makes a trainer, and disposes of it behind `f` in any case. */
export async function inRun(recipe: TrainerRecipe, f: (trainer: Trainer) => void | Promise<void>): Promise<void> {
  const trainer = createTrainer({ seed: 7, readEvery: 1, ...recipe() });
  try {
    await f(trainer);
  } finally {
    trainer.dispose();
  }
}

export function step(trainer: Trainer, seed: number): void {
  const batch = batchOf(trainer.backbone.inputShape, trainer.backbone.classes, 6, seed);
  trainer.step(batch);
  disposeBatch(batch);
}

const failure = 'on purpose, by the testkit';
/** Fails in the second step, in front of the plugin's own hook or behind it. */
export const failing: TrainerPlugin = {
  name: 'testkit-failing',
  afterStep({ step: now }) {
    if (now === 2) throw new Error(failure);
  },
};

/** Lets pass what the testkit itself made fail. */
export async function expectFailure(run: Promise<unknown>): Promise<void> {
  await run.catch((error: unknown) => {
    if (!(error instanceof Error && error.message.includes(failure))) throw error;
  });
}

/** Whatever a neighbour may notice, in order. */
export function spy(name: string, seen: string[]): TrainerPlugin {
  const note = (hook: string, ...about: unknown[]) => void seen.push([name, hook, ...about].join(' '));
  return {
    name,
    setup: () => note('setup'),
    buildAux(site, build) {
      note('buildAux', site.block.index);
      return build(site);
    },
    afterBackward: ({ block, step: now }) => note('afterBackward', now, block.index),
    afterBlockStep: ({ block, step: now }) => note('afterBlockStep', now, block.index),
    afterStep: ({ step: now }) => note('afterStep', now),
    onEpochStart: ({ epoch }) => note('onEpochStart', epoch),
    onProgress: ({ epoch, batch }) => note('onProgress', epoch, batch),
    onEvaluateStart: () => note('onEvaluateStart'),
    onEvaluateEnd: (evaluation) => note('onEvaluateEnd', evaluation === null),
    onEpochEnd: ({ epoch }) => note('onEpochEnd', epoch),
    onSavePoint: ({ steps, isLast }) => note('onSavePoint', steps, isLast),
    onFitEnd: ({ epochs }) => note('onFitEnd', epochs.length),
    dispose: () => note('dispose'),
  };
}

/** What a trainer is like behind steps of `f`. */
export async function endOf(recipe: TrainerRecipe, f: (trainer: Trainer) => Promise<void>): Promise<RunState> {
  let end: RunState | undefined;
  await inRun(recipe, async (trainer) => {
    await trainer.setup();
    await f(trainer);
    trainer.readMetrics();
    end = stateOf(trainer);
  });
  return end as RunState;
}
