import { readdirSync } from 'node:fs';
import { problemsOf } from '@man/config';
import { describe, expect, it } from 'vitest';
import { loadCompareConfig, loadTrainConfig } from './configuration.ts';
import { assemble } from './factories.ts';
import { knownSet } from './known-sets.ts';

const conf = new URL('../conf/', import.meta.url);
const options = (group: string) => readdirSync(new URL(`${group}/`, conf)).map((file) => file.replace('.yaml', ''));

function problems(...overrides: string[]) {
  try {
    loadTrainConfig(overrides);
  } catch (error) {
    const found = problemsOf(error);
    if (found.length === 0) throw error;
    return found.map(({ key, fix }) => ({ key, fix }));
  }
  return [];
}

describe('conf/', () => {
  it('composes to resnet32, 16 blocks, InfoPro and MAN', () => {
    const { config } = loadTrainConfig([]);
    expect(config.backbone).toEqual({ type: 'resnet', depth: 32, width: 16 });
    expect(config.partition).toEqual({ blocks: 16, cuts: null, split: null, balanced: null, stem: 'own' });
    expect([config.loss.type, config.plugin.type, config.dataset.type]).toEqual(['infopro', 'man', 'auto']);
  });

  it.each(['dataset', 'backbone', 'loss', 'plugin', 'optimizer', 'schedule', 'experiment'])('has options of %s that pass', (group) => {
    for (const option of options(group)) {
      const { config } = loadTrainConfig([`${group}=${option}`]);
      const parts = assemble(config, knownSet(config.dataset));
      expect(parts.backbone.name).toMatch(new RegExp(`^(resnet|resnext|vgg)${config.backbone.depth}(_|$)|^vit_`));
      expect(parts.schedule(1)).toBeGreaterThan(0);
    }
  });

  it('has what MAN’s authors released, for both kinds of networks', () => {
    for (const words of [['preset=release'], ['preset=release-imagenet', 'experiment=imagenet-resnet101-k2']]) {
      const { config } = loadTrainConfig(words);
      expect(config.loss).toMatchObject({ type: 'infopro', schedule: 'man-release' });
      expect(config.plugin).toMatchObject({ type: 'man', init: 'independent', when: 'before-step' });
      assemble(config, knownSet(config.dataset));
    }
    expect(loadTrainConfig(['preset=release', 'loss=dgl']).config.loss.type).toBe('dgl');
  });

  it.each(options('backbone'))('cuts %s where a partition is published, or evenly', (backbone) => {
    const { config } = loadTrainConfig([`backbone=${backbone}`]);
    const { backbone: network, partition } = assemble(config, knownSet(config.dataset));
    if (partition.balanced === undefined) expect(Object.keys(network.partitions)).toContain(String(partition.blocks));
    else expect(network.partitions).toEqual({});
  });

  it('makes each network of its own family, for the pictures of the data set', () => {
    const made = (...overrides: string[]) => {
      const { config } = loadTrainConfig(overrides);
      const { name, inputShape, classes } = assemble(config, knownSet(config.dataset)).backbone;
      return [name, inputShape.join('×'), classes];
    };
    expect(made('backbone=resnet101', 'dataset=imagenet')).toEqual(['resnet101', '224×224×3', 1000]);
    expect(made('backbone=resnext101', 'dataset=imagenet')).toEqual(['resnext101_32x8d', '224×224×3', 1000]);
    expect(made('backbone=resnext50', 'backbone.widthPerGroup=null')).toEqual(['resnext50_32x4d', '32×32×3', 10]);
    expect(made('backbone=vgg13', 'dataset=stl10')).toEqual(['vgg13', '96×96×3', 10]);
    expect(made('backbone=resnet50')[0]).toBe('resnet50');
  });

  it('has budgets for a comparison', () => {
    for (const option of options('budget')) expect(loadCompareConfig([`budget=${option}`]).config.compare.budget).not.toBeNull();
  });

  it('lets an experiment replace the budget of a comparison', () => {
    const { config } = loadCompareConfig(['budget=tensorflow', 'experiment=cifar10-resnet32-k8']);
    expect([config.train.epochs, config.train.batch, config.train.limit, config.partition.blocks]).toEqual([400, 1024, null, 8]);
  });

  it('compares methods that differ in nothing but the method', () => {
    const { methods } = loadCompareConfig([]).config.compare;
    const common = methods.map(({ overrides }) => {
      const { loss, plugin, partition, ...rest } = loadCompareConfig(overrides).config;
      return rest;
    });
    expect(methods.map(({ name }) => name)).toEqual(['e2e', 'infopro', 'infopro-man']);
    expect(common[1]).toEqual(common[0]);
    expect(common[2]).toEqual(common[0]);
  });
});

describe('rules', () => {
  it.each([
    [['train.batch=1'], 'train.batch', 'train.batch=128'],
    [['train.limit=129'], 'train.batch', 'train.dropLast=true'],
    [['dataset=shapes', 'dataset.train=257'], 'train.batch', 'train.dropLast=true'],
    [['train.limit=1', 'train.dropLast=true'], 'train.batch', 'train.limit=128'],
    [['partition.cuts=[stem]'], 'partition.cuts', 'partition.blocks=null'],
    [['partition.blocks=null'], 'partition.blocks', 'partition.blocks=16'],
    [['partition.blocks=null', 'partition.cuts=[stem]', 'partition.balanced=memory'], 'partition.balanced', 'partition.balanced=null'],
    [['partition.split=release', 'partition.balanced=memory'], 'partition.balanced', 'partition.split=null'],
    [['partition.balanced=memory', 'partition.stem=merge'], 'partition.stem', 'partition.stem=own'],
    [['loss=e2e', 'partition.blocks=16'], 'loss.type', 'partition.blocks=1'],
    [['partition.blocks=1'], 'plugin.type', 'plugin=none'],
    [['plugin.halfLife=100'], 'plugin.halfLife', 'plugin.momentum=null'],
    [['plugin=manpp', 'plugin.ema=false'], 'plugin.mix', 'plugin.mix=sum'],
    [['plugin.bias=channel', 'plugin.ema=false'], 'plugin.bias', 'plugin.ema=true'],
    [['optimizer.momentum=0'], 'optimizer.nesterov', 'optimizer.nesterov=false'],
    [["run.name='../x'"], 'run.name', 'run.name=first-try'],
  ])('refuse %j, and name what to type', (overrides, key, fix) => {
    expect(problems(...overrides)).toEqual([{ key, fix }]);
    // What is to be typed helps: the value itself passes, or the next rule has its say.
    expect(problems(...overrides, fix)).not.toContainEqual({ key, fix });
  });

  it('pass what only looks alike', () => {
    expect(problems('train.limit=129', 'train.dropLast=true')).toEqual([]);
    expect(problems('loss=e2e')).toEqual([]);
    expect(problems('partition.blocks=null', 'partition.cuts=[stem,stage1.unit2]')).toEqual([]);
    expect(problems('plugin.momentum=null', 'plugin.halfLife=100')).toEqual([]);
  });

  it('report everything wrong at once', () => {
    expect(
      problems('train.batch=1', 'train.epochs=0', 'loss.hiden=3')
        .map(({ key }) => key)
        .sort(),
    ).toEqual(['loss.hiden', 'train.batch', 'train.epochs']);
  });
});
