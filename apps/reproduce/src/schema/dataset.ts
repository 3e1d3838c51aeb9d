import { truth } from '@man/config';
import { cifar10Schema, cifar100Schema } from '@man/dataset-cifar10';
import { imagenetSchema } from '@man/dataset-imagenet';
import { shapesSchema } from '@man/dataset-shapes';
import { stl10Schema } from '@man/dataset-stl10';
import { svhnSchema } from '@man/dataset-svhn';
import { typed } from './typed.ts';

const TYPE = 'The data set.';
// Pictures without labels are of no use to these methods.
const { unlabelled, ...stl10 } = stl10Schema;

/** Sub-schemas of `dataset`, by `dataset.type`. */
export const datasetSchemas = {
  auto: typed('auto', 'CIFAR-10 where it is found or can be downloaded, else shapes.', {}),
  cifar10: typed('cifar10', TYPE, cifar10Schema),
  cifar100: typed('cifar100', TYPE, cifar100Schema),
  svhn: typed('svhn', TYPE, {
    ...svhnSchema,
    extra: { doc: 'Whether the 531,131 easier pictures are trained on too.', default: false, format: truth },
  }),
  stl10: typed('stl10', TYPE, stl10),
  imagenet: typed('imagenet', TYPE, imagenetSchema),
  shapes: typed('shapes', TYPE, shapesSchema),
};
