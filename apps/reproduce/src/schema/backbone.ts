import { resnetSchema } from '@man/backbone-resnet';
import { typed } from './typed.ts';

/** Sub-schemas of `backbone`, by `backbone.type`. */
export const backboneSchemas = {
  resnet: typed('resnet', 'Family of the network.', resnetSchema),
};
