import { imageNetResNet, resnet } from '@man/backbone-resnet';
import { resnext } from '@man/backbone-resnext';
import { vgg } from '@man/backbone-vgg';
import { vit } from '@man/backbone-vit';
import {
  type Backbone,
  constant,
  cosine,
  type LocalLoss,
  multiStep,
  type OptimizerDefinition,
  type PartitionOptions,
  type Schedule,
  type Shape,
  sgd,
  type TrainerPlugin,
} from '@man/core';
import { auglocal } from '@man/loss-auglocal';
import { dgl } from '@man/loss-dgl';
import { type InfoProDataset, infopro } from '@man/loss-infopro';
import { predsim } from '@man/loss-predsim';
import { man } from '@man/plugin';
import { unpublishedPartition } from './errors.ts';
import type { TrainConfig } from './schema/index.ts';

/** What a network is made for: a data set, or what is known of one. */
export interface PictureKind {
  readonly classes: number;
  readonly imageShape: Shape;
}

/** For every `type` of a section, what makes it. Names in a YAML file reach these tables only: nothing is imported by name. */
type Factories<C extends { readonly type: string }, R, A extends readonly unknown[] = []> = {
  readonly [T in C['type']]: (options: Omit<Extract<C, { readonly type: T }>, 'type'>, ...more: A) => R;
};

const backbones: Factories<TrainConfig['backbone'], Backbone, [pictures: PictureKind]> = {
  resnet: (options, { classes, imageShape }) => resnet({ ...options, classes, inputShape: imageShape }),
  'imagenet-resnet': (options, { classes, imageShape }) => imageNetResNet({ ...options, classes, inputShape: imageShape }),
  resnext: ({ widthPerGroup, ...options }, { classes, imageShape }) =>
    resnext({ ...options, ...(widthPerGroup === null ? {} : { widthPerGroup }), classes, inputShape: imageShape }),
  vgg: (options, { classes, imageShape }) => vgg({ ...options, classes, inputShape: imageShape }),
  vit: ({ heads, patch, ...options }, { classes, imageShape }) =>
    vit({ ...options, ...(heads === null ? {} : { heads }), ...(patch === null ? {} : { patch }), classes, inputShape: imageShape }),
};

/** Whose published weights InfoPro takes; CIFAR-10's where none are published. */
const weightsOf: Readonly<Record<TrainConfig['dataset']['type'], InfoProDataset>> = {
  auto: 'cifar10',
  cifar10: 'cifar10',
  cifar100: 'cifar10',
  svhn: 'svhn',
  stl10: 'stl10',
  imagenet: 'imagenet',
  shapes: 'cifar10',
};

const losses: Factories<TrainConfig['loss'], LocalLoss | null, [dataset: TrainConfig['dataset']['type']]> = {
  e2e: () => null,
  dgl: (options) => dgl(options),
  infopro: (options, dataset) => infopro({ ...options, dataset: weightsOf[dataset] }),
  auglocal: (options) => auglocal(options),
  predsim: (options) => predsim(options),
};

const plugins: Factories<TrainConfig['plugin'], TrainerPlugin | null> = {
  none: () => null,
  man: ({ momentum, halfLife, ...options }) =>
    man({ ...options, ...(momentum === null ? {} : { momentum }), ...(halfLife === null ? {} : { halfLife }) }),
};

const optimizers: Factories<TrainConfig['optimizer'], OptimizerDefinition> = { sgd };

const schedules: Factories<TrainConfig['schedule'], Schedule, [train: TrainConfig['train']]> = {
  cosine: ({ base, perBatch, rampFrom, ...options }, { batch, epochs }) =>
    cosine({ ...options, epochs, base: scaled(base, perBatch, batch), rampFrom: scaled(rampFrom, perBatch, batch) }),
  multistep: ({ base, perBatch, ...options }, { batch }) => multiStep({ ...options, base: scaled(base, perBatch, batch) }),
  constant: ({ base, perBatch }, { batch }) => constant(scaled(base, perBatch, batch)),
};

/** The rate for another batch size: as many times larger as the batch is (Goyal et al., 2017). */
function scaled(rate: number, perBatch: number | null, batch: number): number {
  return perBatch === null ? rate : (rate * batch) / perBatch;
}

function make<C extends { readonly type: string }, R, A extends readonly unknown[]>(table: Factories<C, R, A>, section: C, ...more: A): R {
  const { type, ...options } = section;
  const factory = table[type as C['type']] as unknown as (options: unknown, ...more: A) => R;
  return factory(options, ...more);
}

/** What a trainer is assembled from. */
export interface Parts {
  readonly backbone: Backbone;
  readonly partition: PartitionOptions;
  readonly loss: LocalLoss | null;
  readonly plugin: TrainerPlugin | null;
  readonly optimizer: OptimizerDefinition;
  readonly schedule: Schedule;
}

/** Before anything is read or built. */
function checkPartition({ blocks, cuts, split, balanced }: TrainConfig['partition'], { name, partitions, splits = {} }: Backbone): void {
  if (blocks === null || blocks === 1 || cuts !== null || balanced !== null) return;
  const known = Object.keys(split === null ? partitions : { ...partitions, ...splits[split] });
  if (!known.includes(`${blocks}`)) throw unpublishedPartition(name, blocks, ['1', ...known]);
}

/** Only what is said; `stem` says nothing about an even cut. */
function partitionOf({ blocks, cuts, split, balanced, stem }: TrainConfig['partition']): PartitionOptions {
  if (cuts !== null) return { cuts, stem };
  if (balanced !== null) return { blocks: blocks ?? 1, balanced };
  return { blocks: blocks ?? 1, stem, ...(split === null ? {} : { split }) };
}

/**
 * Network, cut, local loss, plugin, optimiser and learning rates of a configuration.
 *
 * @throws MAN_REPRODUCE_PARTITION
 */
export function assemble(config: TrainConfig, pictures: PictureKind): Parts {
  const backbone = make(backbones, config.backbone, pictures);
  checkPartition(config.partition, backbone);
  return {
    backbone,
    partition: partitionOf(config.partition),
    loss: make(losses, config.loss, config.dataset.type),
    plugin: make(plugins, config.plugin),
    optimizer: make(optimizers, config.optimizer),
    schedule: make(schedules, config.schedule, config.train),
  };
}
