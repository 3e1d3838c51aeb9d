import type { Shape } from '@man/core';
import { inputShape as wrongInput } from './errors.ts';

/** A shape as that of a picture. @throws MAN_NN_SHAPE */
export function asImage(name: string, shape: Shape): readonly [number, number, number] {
  if (shape.length !== 3) throw wrongInput(name, '[height, width, channels]', shape);
  return shape as unknown as readonly [number, number, number];
}
