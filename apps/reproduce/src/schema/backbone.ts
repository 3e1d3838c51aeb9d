import { defineSchema, oneOf, positiveInt } from '@man/config';

/** Sub-schemas of `backbone`, by `backbone.type`. */
export const backboneSchemas = {
  resnet: defineSchema({
    type: { doc: 'Family of the network.', default: 'resnet', format: oneOf('resnet') },
    depth: { doc: 'Layers with weights, 6n + 2.', default: 32, format: positiveInt },
    width: { doc: 'Channels of the first stage.', default: 16, format: positiveInt },
  }),
};
