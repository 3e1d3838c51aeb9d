import type { Shape, TorchNames } from '@man/core';

/** Where torchvision's list of layers has the classifier's linear ones; ReLU and dropout stand between them. */
const LINEAR: Readonly<Record<string, number>> = { fc1: 0, fc2: 3, fc3: 6 };

/**
 * torchvision's names: all layers in two lists, `features` and `classifier`, numbered through with those that have no weights.
 *
 * @param units names of the units in order
 * @param flattened `[height, width, channels]` of what the first linear layer is given
 */
export function torchNames(units: readonly string[], isNormalised: boolean, flattened: Shape): TorchNames {
  const isFirst = (name: string) => name.endsWith('.unit0') && !name.startsWith('stage1.');
  const lengths = units.map((name) => (isFirst(name) ? 1 : 0) + (isNormalised ? 3 : 2));
  /** Place of a unit's convolution, behind a pooling layer where it has one. */
  const placeOf = (index: number) => lengths.slice(0, index).reduce((a, b) => a + b, 0) + (isFirst(units[index] as string) ? 1 : 0);
  const places = Object.fromEntries(units.map((name, index) => [name, placeOf(index)]));
  return {
    namesOf(variable) {
      const [, unit = '', layer = '', kind = ''] = /^(.+)\.(\w+)\.(\w+)$/.exec(variable) ?? [];
      const place = places[unit];
      if (place !== undefined) return [`features.${place + (layer === 'bn' ? 1 : 0)}.${kind}`];
      const linear = LINEAR[layer];
      return linear === undefined ? [] : [`classifier.${linear}.${kind}`];
    },
    flattened: { 'classifier.fc1.weight': flattened },
  };
}
