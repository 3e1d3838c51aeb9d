import type { Shape } from '@man/core';
import { badOption } from './errors.ts';

/** Checks what all residual networks are told. @throws MAN_RESNET_OPTION */
export function checkOptions({ classes, inputShape, width }: { classes: number; inputShape: Shape; width: number }): void {
  if (!Number.isInteger(width) || width < 1) throw badOption('width', 'a whole number ≥ 1', width);
  if (!Number.isInteger(classes) || classes < 2) throw badOption('classes', 'a whole number ≥ 2', classes);
  if (inputShape.length !== 3) throw badOption('inputShape', '[height, width, channels]', inputShape);
}
