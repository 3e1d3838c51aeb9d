import { anyOf, defineSchema, finiteNumber, oneOf, positiveInt, text, truth } from '@man/config';

/** Sub-schemas of `dataset`, by `dataset.type`. */
export const datasetSchemas = {
  auto: defineSchema({
    type: { doc: 'CIFAR-10 where it is found or can be downloaded, else shapes.', default: 'auto', format: oneOf('auto') },
  }),
  cifar10: defineSchema({
    type: { doc: 'The data set.', default: 'cifar10', format: oneOf('cifar10') },
    layout: { doc: 'Version of the files.', default: 'auto', format: oneOf('auto', 'binary', 'python') },
    verify: { doc: 'Whether files are compared with published checksums.', default: false, format: truth },
    mirror: { doc: "Where to download from instead of the author's page.", default: null, format: text, nullable: true },
  }),
  shapes: defineSchema({
    type: { doc: 'The data set.', default: 'shapes', format: oneOf('shapes') },
    seed: { doc: 'Decides the pictures.', default: 0, format: anyOf(finiteNumber, text) },
    train: { doc: 'Pictures to train on.', default: 5000, format: positiveInt },
    test: { doc: 'Pictures to test on.', default: 1000, format: positiveInt },
  }),
};
