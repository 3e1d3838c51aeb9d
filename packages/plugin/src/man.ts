import type { TrainerPlugin } from '@man/core';
import { createMan } from './create-man.ts';
import { type ManOptions, resolveOptions } from './options.ts';

/**
 * MAN as a plugin of the trainer: wraps the auxiliary network of every block but the last, whatever the local loss, and
 * moves the EMA copies in every step.
 *
 * @throws MAN_PLUGIN_OPTION, MAN_PLUGIN_CONFLICT
 * @see Su et al., "Momentum Auxiliary Network for Supervised Local Learning", ECCV 2024, §3.2
 * @example
 * ```ts
 * createTrainer({ backbone: resnet32(), partition: { blocks: 16 }, loss: infopro(), plugins: [man({ momentum: 0.995 })] });
 * ```
 */
export function man(options: ManOptions = {}): TrainerPlugin {
  const { when, ema, bias } = resolveOptions(options);
  const looksAhead = ema || bias !== 'none';
  const momentum = createMan(options);
  const nameOf = (index: number) => `block${index + 1}`;
  return {
    name: 'man',
    featureShape: ({ next, featureShape }) => (looksAhead ? next.outputShape : featureShape),
    buildAux(site, build) {
      if (site.next === null) return build(site);
      return momentum.attach({
        first: site.next.units[0],
        name: nameOf(site.block.index),
        rng: site.rng.split('man'),
        aux: (featureShape) => build({ ...site, featureShape, following: looksAhead ? site.following.slice(1) : site.following }),
      });
    },
    saveState: () => momentum.calls(),
    loadState: (calls) => momentum.setCalls(calls as Readonly<Record<string, number>>),
    ...(when === 'after-step'
      ? { afterStep: () => momentum.update() }
      : // In block j's turn, while the next block still has the weights of the step before.
        { afterBackward: ({ block }) => momentum.update(nameOf(block.index)) }),
  };
}
