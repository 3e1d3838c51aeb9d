import { anyOf, defineSchema, finiteNumber, format, oneOf, positiveInt, text, truth } from '@man/config';

const fold = format<number>(
  'a whole number of 0 to 9',
  (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 9,
);

const layout = { doc: 'Version of the files.', default: 'auto', format: oneOf('auto', 'binary', 'python', 'parquet') } as const;
const verify = { doc: 'Whether files are compared with published checksums.', default: false, format: truth } as const;
const mirror = (doc: string) => ({ doc, default: null, format: text, nullable: true }) as const;

/** Sub-schemas of `dataset`, by `dataset.type`. */
export const datasetSchemas = {
  auto: defineSchema({
    type: { doc: 'CIFAR-10 where it is found or can be downloaded, else shapes.', default: 'auto', format: oneOf('auto') },
  }),
  cifar10: defineSchema({
    type: { doc: 'The data set.', default: 'cifar10', format: oneOf('cifar10') },
    layout,
    verify,
    mirror: mirror("Where to download from instead of the author's page."),
  }),
  cifar100: defineSchema({
    type: { doc: 'The data set.', default: 'cifar100', format: oneOf('cifar100') },
    labels: { doc: 'The hundred classes, or the twenty that they belong to.', default: 'fine', format: oneOf('fine', 'coarse') },
    layout,
    verify,
    mirror: mirror("Where to download from instead of the author's page."),
  }),
  svhn: defineSchema({
    type: { doc: 'The data set.', default: 'svhn', format: oneOf('svhn') },
    extra: { doc: 'Whether the 531,131 easier pictures are trained on too.', default: false, format: truth },
    mirror: mirror("Folder to download from instead of the authors' page."),
  }),
  stl10: defineSchema({
    type: { doc: 'The data set.', default: 'stl10', format: oneOf('stl10') },
    fold: { doc: 'Train on one of ten folds of 1,000 pictures; null takes all 5,000.', default: null, format: fold, nullable: true },
    mirror: mirror("Where to download from instead of the authors' page."),
  }),
  imagenet: defineSchema({
    type: { doc: 'The data set.', default: 'imagenet', format: oneOf('imagenet') },
    layout: { doc: 'Form of the files.', default: 'auto', format: oneOf('auto', 'folders', 'tar', 'parquet') },
    size: { doc: 'Height and width of the pictures that the network sees.', default: 224, format: positiveInt },
    resize: {
      doc: 'Shorter side before the centre is cut out for the test; null is 256/224 of size.',
      default: null,
      format: positiveInt,
      nullable: true,
    },
  }),
  shapes: defineSchema({
    type: { doc: 'The data set.', default: 'shapes', format: oneOf('shapes') },
    seed: { doc: 'Decides the pictures.', default: 0, format: anyOf(finiteNumber, text) },
    train: { doc: 'Pictures to train on.', default: 5000, format: positiveInt },
    test: { doc: 'Pictures to test on.', default: 1000, format: positiveInt },
  }),
};
