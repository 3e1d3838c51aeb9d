import { anyOf, defineSchema, finiteNumber, oneOf, positiveInt, text, truth } from '@man/config';
import { loaderSchema } from '@man/data';

/** What every command shares. */
export const baseSchema = defineSchema({
  seed: { doc: 'Decides initial weights, order and augmentation.', default: 1, format: anyOf(finiteNumber, text) },
  engine: {
    doc: 'What calculates; auto takes TensorFlow where it is installed, else WebAssembly.',
    default: 'auto',
    format: oneOf('auto', 'tensorflow', 'wasm', 'cpu'),
  },
  profile: {
    doc: 'Whether to record the operations of three steps: a table, and a trace for the trace viewer of a browser.',
    default: false,
    format: truth,
  },
  threads: { doc: 'Threads of TensorFlow; null takes all cores.', default: null, format: positiveInt, nullable: true },
  data: {
    dir: { doc: 'Folder looked in first, and downloaded to.', default: null, format: text, nullable: true },
    download: { doc: 'Whether a missing data set may be downloaded.', default: true, format: truth },
    ...loaderSchema,
  },
  train: {
    epochs: { doc: 'Passes over the training pictures.', default: 10, format: positiveInt },
    batch: { doc: 'Pictures per step, at least 2.', default: 128, format: positiveInt },
    limit: { doc: 'Pictures to train on, a fixed random choice; null takes all.', default: null, format: positiveInt, nullable: true },
    dropLast: { doc: 'Whether a last smaller batch is left out.', default: false, format: truth },
    readEvery: { doc: 'Steps between two looks at the losses.', default: 5, format: positiveInt },
  },
  test: {
    batch: { doc: 'Pictures per step of the test; null takes train.batch.', default: null, format: positiveInt, nullable: true },
    limit: { doc: 'Pictures to test on, a fixed random choice; null takes all.', default: null, format: positiveInt, nullable: true },
  },
  run: {
    root: { doc: 'Where folders <date>/<time>-<name> are made.', default: 'outputs', format: text },
    dir: { doc: 'The folder of the run itself, instead.', default: null, format: text, nullable: true },
    name: { doc: 'Ends the name of the folder.', default: null, format: text, nullable: true },
    label: { doc: 'What displays and reports call the run.', default: null, format: text, nullable: true },
  },
});
