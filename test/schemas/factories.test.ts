import { imageNetResNet, imageNetResNetSchema, resnet, resnetSchema } from '@man/backbone-resnet';
import { resnext, resnextSchema } from '@man/backbone-resnext';
import { vgg, vggSchema } from '@man/backbone-vgg';
import { type VitOptions, vit, vitSchema } from '@man/backbone-vit';
import type { ConfigOf, ConfigSchema, ConfigValue, Property } from '@man/base';
import { compose, memorySource } from '@man/config';
import {
  type CosineOptions,
  constant,
  constantSchema,
  cosine,
  cosineSchema,
  multiStep,
  multiStepSchema,
  type PartitionOptions,
  partitionSchema,
  type SgdOptions,
  sgd,
  sgdSchema,
} from '@man/core';
import { createLoader, loaderSchema } from '@man/data';
import { type Cifar10Options, type Cifar100Options, type cifar10Schema, cifar100Schema } from '@man/dataset-cifar10';
import { type ImagenetOptions, imagenetSchema } from '@man/dataset-imagenet';
import { type ShapesOptions, shapes, shapesSchema } from '@man/dataset-shapes';
import { type Stl10Options, stl10Schema } from '@man/dataset-stl10';
import { type SvhnOptions, svhnSchema } from '@man/dataset-svhn';
import { type AugLocalOptions, auglocal, auglocalSchema } from '@man/loss-auglocal';
import { type DglOptions, dgl, dglSchema } from '@man/loss-dgl';
import { type InfoProOptions, infopro, infoproSchema } from '@man/loss-infopro';
import { type PredSimOptions, predsim, predsimSchema } from '@man/loss-predsim';
import { createMan, type ManOptions, manSchema } from '@man/plugin';
import { describe, expect, expectTypeOf, it } from 'vitest';

type Options = Readonly<Record<string, unknown>>;
interface Case {
  readonly name: string;
  readonly schema: ConfigSchema;
  /** Calls the factory, which throws for options that it refuses. */
  readonly make: (options: Options) => unknown;
  /** Values by key, on which schema and factory must agree. */
  readonly samples: Readonly<Record<string, readonly ConfigValue[]>>;
  /** What else must be given for a sample to be judged. */
  readonly beside?: Readonly<Record<string, Options>>;
}

const pictures = { name: 'x', size: 4, imageShape: [2, 2, 3] as const, images: new Uint8Array(48), labels: new Uint8Array(4) };

/** A package whose factory is told by configurations has a row here. */
const cases: readonly Case[] = [
  {
    name: 'sgd',
    schema: sgdSchema,
    make: (options) => sgd(options),
    samples: { momentum: [-0.1, 0, 0.5, 1], nesterov: [true, false], weightDecay: [-1, 0, 0.1] },
    beside: { momentum: { nesterov: false } },
  },
  {
    name: 'cosine',
    schema: cosineSchema,
    make: (options) => cosine({ epochs: 3, ...(options as { base: number }) }),
    samples: { base: [-1, 0, 0.1], warmup: [-1, 0, 1.5, 2] },
  },
  {
    name: 'multiStep',
    schema: multiStepSchema,
    make: (options) => multiStep(options as { base: number; milestones: number[] }),
    samples: { base: [-1, 0, 0.1], milestones: [[], [1], [3, 5]] },
  },
  { name: 'constant', schema: constantSchema, make: (options) => constant(options.base as number), samples: { base: [-1, 0.1] } },
  {
    name: 'resnet',
    schema: resnetSchema,
    make: (options) => resnet(options as { depth: number }),
    samples: { depth: [-2, 0, 20], width: [0, 1.5, 4] },
  },
  {
    name: 'imageNetResNet',
    schema: imageNetResNetSchema,
    make: (options) => imageNetResNet(options as { depth: number }),
    samples: { depth: [18, 20, 34, 50, 101, 152], width: [0, 1.5, 4] },
  },
  {
    name: 'resnext',
    schema: resnextSchema,
    make: (options) => resnext(options as { depth: number }),
    samples: { depth: [18, 50, 101], groups: [0, 1.5, 2], widthPerGroup: [0, 1.5, 4], width: [0, 1.5, 4] },
  },
  {
    name: 'vit',
    schema: vitSchema,
    make: ({ heads, patch, ...options }) =>
      vit({ ...options, ...(heads === null ? {} : { heads }), ...(patch === null ? {} : { patch }) } as VitOptions),
    samples: { width: [0, 192], depth: [0, 12], heads: [null, 0, 3], patch: [null, 0, 16] },
  },
  {
    name: 'vgg',
    schema: vggSchema,
    make: (options) => vgg(options as { depth: number }),
    samples: { depth: [11, 12, 13, 16, 19], width: [0, 4], hidden: [0, 1.5, 8], dropout: [-0.1, 0, 0.5, 1], batchNorm: [true, false] },
  },
  {
    name: 'dgl',
    schema: dglSchema,
    make: (options) => dgl(options),
    samples: { head: ['auglocal', 'original', 'manpp', 'mlp'] },
  },
  {
    name: 'auglocal',
    schema: auglocalSchema,
    make: (options) => auglocal(options),
    samples: { depth: [0, 1, 1.5, 5], pyramid: [-0.1, 0, 0.5, 1, 1.1] },
  },
  {
    name: 'predsim',
    schema: predsimSchema,
    make: (options) => predsim(options),
    samples: { beta: [-0.1, 0, 0.99, 1, 1.1], poolTarget: [0, 1, 1.5, 512, 4096], init: ['default', 'zero', 'ones'] },
  },
  {
    name: 'infopro',
    schema: infoproSchema,
    make: (options) => infopro(options),
    samples: {
      head: ['auto', '1c2f', '2c2f', '3c2f'],
      mode: ['softmax', 'contrast', 'cosine'],
      temperature: [-1, 0, 0.1],
      dataset: ['stl10', 'mnist'],
      schedule: ['auto', 'imagenet', 'no'],
    },
  },
  {
    name: 'man',
    schema: manSchema,
    make: (options) => createMan(options),
    samples: {
      momentum: [-1, 0, 0.5, 1, 2],
      halfLife: [0, 3],
      ema: [true, false],
      bias: ['branch', 'channel', 'none', 'no'],
      mix: ['sum', 'gated', 'max'],
      init: ['copy', 'independent', 'zero'],
      when: ['after-step', 'before-step', 'never'],
      updateEvery: [0, 1, 1.5],
    },
    beside: { halfLife: { momentum: undefined } },
  },
  {
    name: 'shapes',
    schema: shapesSchema,
    make: (options) => shapes(options),
    samples: { seed: [0, 'seven'], train: [0, 1.5, 2], test: [0, 1.5, 2] },
    beside: { seed: { train: 1, test: 1 }, train: { test: 1 }, test: { train: 1 } },
  },
  {
    name: 'loader',
    schema: loaderSchema,
    make: (options) => createLoader(pictures, { batch: 2, ...options }).close(),
    samples: { workers: [-1, 0, 1.5], prefetch: [0, 1, 1.5], unreadable: ['fail', 'skip', 'no'] },
    beside: { prefetch: { workers: 0 }, unreadable: { workers: 0 } },
  },
];

/** The options of a schema's defaults; null stands for what is not given. */
const defaultsOf = (schema: ConfigSchema) =>
  Object.fromEntries(Object.entries(schema).flatMap(([key, node]) => ((node as Property).default === null ? [] : [[key, node.default]])));

const accepts = (act: () => unknown): boolean => {
  try {
    act();
    return true;
  } catch {
    return false;
  }
};
const given = (options: Options) => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

describe.each(cases)('the schema of $name', ({ schema, make, samples, beside }) => {
  it('has defaults that the factory takes', () => {
    const defaults = defaultsOf(schema);
    make({ ...defaults, ...('train' in defaults ? { train: 1, test: 1 } : {}) });
  });

  it('refuses the values that the factory refuses', () => {
    const source = memorySource({ 'config.yaml': '' });
    for (const [key, values] of Object.entries(samples)) {
      for (const value of values) {
        const property = { ...(schema[key] as Property), default: value };
        const bySchema = accepts(() => compose({ source, schema: { [key]: property } }));
        const byFactory = accepts(() => make({ ...given({ ...defaultsOf(schema), ...beside?.[key] }), [key]: value }));
        expect([key, value, bySchema]).toEqual([key, value, byFactory]);
      }
    }
  });
});

type Shared = 'dataDir' | 'download' | 'onProgress' | 'onIndex' | 'signal' | 'fetch' | 'env';
/** The options that a data set has to itself; null stands for what is not given. */
type Own<O, N extends string = never> = {
  readonly [K in Exclude<keyof O, Shared>]-?: NonNullable<O[K]> | (K extends N | 'mirror' ? null : never);
};

describe('schemas', () => {
  it('have the types of the options beside them', () => {
    expectTypeOf<ConfigOf<typeof sgdSchema>>().toEqualTypeOf<Readonly<Required<SgdOptions>>>();
    expectTypeOf<ConfigOf<typeof cosineSchema>>().toEqualTypeOf<Readonly<Required<Omit<CosineOptions, 'epochs'>>>>();
    expectTypeOf<ConfigOf<typeof dglSchema>>().toEqualTypeOf<Readonly<Required<DglOptions>>>();
    expectTypeOf<ConfigOf<typeof auglocalSchema>>().toEqualTypeOf<Readonly<Required<AugLocalOptions>>>();
    expectTypeOf<ConfigOf<typeof infoproSchema>>().toEqualTypeOf<Readonly<Required<InfoProOptions>>>();
    expectTypeOf<ConfigOf<typeof predsimSchema>>().toEqualTypeOf<Readonly<Required<PredSimOptions>>>();
    expectTypeOf<ConfigOf<typeof shapesSchema>>().toEqualTypeOf<Readonly<Required<ShapesOptions>>>();
    expectTypeOf<keyof ConfigOf<typeof manSchema>>().toEqualTypeOf<keyof ManOptions>();
    expectTypeOf<keyof ConfigOf<typeof partitionSchema>>().toEqualTypeOf<keyof PartitionOptions>();
    expectTypeOf<ConfigOf<typeof cifar10Schema>>().toEqualTypeOf<Own<Cifar10Options>>();
    expectTypeOf<ConfigOf<typeof cifar100Schema>>().toEqualTypeOf<Own<Cifar100Options>>();
    expectTypeOf<ConfigOf<typeof svhnSchema>>().toEqualTypeOf<Own<SvhnOptions>>();
    expectTypeOf<ConfigOf<typeof stl10Schema>>().toEqualTypeOf<Own<Stl10Options, 'fold'>>();
    expectTypeOf<ConfigOf<typeof imagenetSchema>>().toEqualTypeOf<Own<ImagenetOptions, 'resize'>>();
  });

  it('of partitions and data sets on disk pass their defaults', () => {
    const schema = { a: partitionSchema, b: cifar100Schema, c: svhnSchema, d: stl10Schema, e: imagenetSchema };
    expect(compose({ source: memorySource({ 'config.yaml': '' }), schema }).config).toEqual({
      a: { blocks: null, cuts: null, split: null, balanced: null, stem: 'own' },
      b: { labels: 'fine', layout: 'auto', verify: false, mirror: null },
      c: { extra: 'none', mirror: null },
      d: { fold: null, unlabelled: false, mirror: null },
      e: { layout: 'auto', size: 224, resize: null },
    });
  });
});
