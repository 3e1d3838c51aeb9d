import { isManError } from '@man/base';
import { describe, expect, it } from 'vitest';
import { composeFiles } from './choose.ts';
import { memorySource } from './config-source.ts';
import { readOverrides } from './override.ts';
import { toValue } from './tree.ts';

const compose = (files: Record<string, string>, ...overrides: string[]) => {
  const made = composeFiles(memorySource(files), 'config', readOverrides(overrides, String));
  return { values: toValue(made.tree), choices: made.choices, files: made.files };
};
const refusal = (files: Record<string, string>, ...overrides: string[]) => {
  try {
    compose(files, ...overrides);
  } catch (error) {
    if (isManError(error)) return { code: error.code, message: error.message, hint: error.hint };
    throw error;
  }
  throw new Error('expected an error');
};

const base = {
  'config.yaml': 'defaults:\n  - dataset: cifar10\n  - loss: dgl\n  - _self_\nseed: 1\n',
  'dataset/cifar10.yaml': 'name: cifar10\nclasses: 10\nsize: {height: 32, width: 32}\n',
  'dataset/stl10.yaml': 'name: stl10\nsize: {height: 96, width: 96}\n',
  'loss/dgl.yaml': 'type: dgl\nheads: [1, 2]\n',
  'loss/infopro.yaml': 'type: infopro\n',
  'track/files/csv.yaml': 'name: metrics.csv\n',
  'track/files/jsonl.yaml': 'every: 1\n',
};

describe('order of composition', () => {
  it('puts each group below its own key, and the file itself last', () => {
    const { values, choices, files } = compose(base);
    expect(values).toEqual({
      dataset: { name: 'cifar10', classes: 10, size: { height: 32, width: 32 } },
      loss: { type: 'dgl', heads: [1, 2] },
      seed: 1,
    });
    expect(choices).toEqual({ dataset: 'cifar10', loss: 'dgl' });
    expect(files).toEqual(['conf/dataset/cifar10.yaml', 'conf/loss/dgl.yaml', 'conf/config.yaml']);
  });

  it.each<[string, string, unknown]>([
    ['_self_ last when absent', 'defaults: [loss: dgl]\nloss: {type: mine}', { type: 'mine', heads: [1, 2] }],
    ['_self_ first', 'defaults: [_self_, loss: dgl]\nloss: {type: mine, heads: [9], extra: 1}', { type: 'dgl', heads: [1, 2], extra: 1 }],
    ['maps merge, lists are replaced', 'defaults: [loss: dgl]\nloss: {heads: [3]}', { type: 'dgl', heads: [3] }],
    ['null replaces', 'defaults: [loss: dgl]\nloss: null', null],
    ['several options in order', 'defaults: [loss: [dgl, infopro]]', { type: 'infopro', heads: [1, 2] }],
    ['no option', 'defaults: [loss: null]\nloss: {type: mine}', { type: 'mine' }],
    ['an optional file that is missing', 'defaults: [optional loss: nothing]\nloss: 3', 3],
    ['an optional file that is there', 'defaults: [optional loss: infopro]', { type: 'infopro' }],
  ])('%s', (_, config, loss) => {
    expect(compose({ ...base, 'config.yaml': config }).values).toEqual({ loss });
  });

  it('composes groups in folders inside folders', () => {
    const { values, choices } = compose(base, '+track/files=[csv,jsonl]');
    expect(values).toMatchObject({ track: { files: { name: 'metrics.csv', every: 1 } } });
    expect(choices['track/files']).toEqual(['csv', 'jsonl']);
  });

  it('finds groups of a group file below its own folder, and from the top with a slash', () => {
    const files = {
      'config.yaml': 'defaults: [track: all]',
      'track/all.yaml': 'defaults: [files: csv, /loss: dgl, base]\nlevel: 2',
      'track/base.yaml': 'level: 1\nplain: true',
      'track/files/csv.yaml': 'name: m.csv',
      'loss/dgl.yaml': 'type: dgl',
    };
    expect(compose(files).values).toEqual({ track: { files: { name: 'm.csv' }, level: 2, plain: true }, loss: { type: 'dgl' } });
  });
});

describe('overrides of groups', () => {
  it.each<[string[], Record<string, unknown>]>([
    [['dataset=stl10'], { dataset: 'stl10', loss: 'dgl' }],
    [["dataset='stl10'"], { dataset: 'stl10', loss: 'dgl' }],
    [['dataset=stl10', 'dataset=cifar10'], { dataset: 'cifar10', loss: 'dgl' }],
    [['~loss'], { dataset: 'cifar10' }],
    [['~loss=dgl'], { dataset: 'cifar10' }],
    [['loss=null'], { dataset: 'cifar10', loss: null }],
    [['loss=[dgl,infopro]'], { dataset: 'cifar10', loss: ['dgl', 'infopro'] }],
    [['+track/files=csv'], { dataset: 'cifar10', loss: 'dgl', 'track/files': 'csv' }],
  ])('%j', (overrides, choices) => {
    expect(compose(base, ...overrides).choices).toEqual(choices);
  });

  it('takes numbers for names of options', () => {
    const files = { 'config.yaml': 'defaults: [blocks: 4]', 'blocks/4.yaml': 'n: 4', 'blocks/16.yaml': 'n: 16' };
    expect(compose(files, 'blocks=16')).toMatchObject({ choices: { blocks: '16' }, values: { blocks: { n: 16 } } });
  });
});

describe('experiments', () => {
  const files = {
    ...base,
    'experiment/big.yaml': 'defaults:\n  - override /loss: infopro\n  - override dataset: stl10\nseed: 9\ndataset: {classes: 100}\n',
    'experiment/bigger.yaml': 'defaults: [big]\nseed: 10\n',
    'other/top.yaml': '# @package _global_\nseed: 5\n',
  };
  it('are placed from the top, over everything, and choose options', () => {
    const { values, choices, files: order } = compose(files, '+experiment=big');
    expect(values).toEqual({
      seed: 9,
      dataset: { name: 'stl10', classes: 100, size: { height: 96, width: 96 } },
      loss: { type: 'infopro' },
    });
    expect(choices).toEqual({ dataset: 'stl10', loss: 'infopro', experiment: 'big' });
    expect(order.at(-1)).toBe('conf/experiment/big.yaml');
  });
  it('give way to what is typed', () => {
    expect(compose(files, '+experiment=big', 'loss=dgl').choices).toMatchObject({ loss: 'dgl', dataset: 'stl10' });
  });
  it('extend each other', () => {
    expect(compose(files, '+experiment=bigger')).toMatchObject({
      values: { seed: 10, dataset: { classes: 100 } },
      choices: { loss: 'infopro' },
    });
  });
  it('any file can ask to be placed from the top', () => {
    expect(compose(files, '+other=top').values).toMatchObject({ seed: 5 });
  });
  it('an outer list overrides what an inner one overrides', () => {
    const outer = { ...files, 'experiment/outer.yaml': 'defaults: [big, override /loss: dgl]\n' };
    expect(compose(outer, '+experiment=outer').choices).toMatchObject({ loss: 'dgl', dataset: 'stl10' });
  });
});

describe('mistakes', () => {
  const list = (text: string) => ({ ...base, 'config.yaml': `seed: 1\ndefaults:\n  - ${text}\n` });
  it.each<[Record<string, string>, string[], string, string, string]>([
    [
      base,
      ['dataset=cifar'],
      'MAN_CONFIG_UNKNOWN_OPTION',
      'override "dataset=cifar": group "dataset" has no option "cifar"; options are: cifar10, stl10',
      'did you mean "cifar10"? type dataset=cifar10',
    ],
    [
      list('dataset: cifr10'),
      [],
      'MAN_CONFIG_UNKNOWN_OPTION',
      'conf/config.yaml:3: group "dataset" has no option "cifr10"',
      'type dataset=cifar10',
    ],
    [list('datset: cifar10'), [], 'MAN_CONFIG_UNKNOWN_GROUP', 'conf/config.yaml:3: there is no group "datset"', 'did you mean "dataset"?'],
    [
      base,
      ['trak/files=csv'],
      'MAN_CONFIG_UNKNOWN_GROUP',
      'override "trak/files=csv": there is no group "trak/files"',
      'did you mean "track/files"?',
    ],
    [
      base,
      ['track/files=csv'],
      'MAN_CONFIG_CHOICE',
      'override "track/files=csv": no defaults list names the group "track/files"',
      'type +track/files=csv to add it',
    ],
    [base, ['~track/files'], 'MAN_CONFIG_CHOICE', 'no defaults list names the group', 'leave this override out'],
    [base, ['~loss=infopro'], 'MAN_CONFIG_CHOICE', '"loss" is "dgl"', 'type ~loss=dgl, or ~loss'],
    [
      base,
      ['+loss=infopro'],
      'MAN_CONFIG_CHOICE',
      'override "+loss=infopro": the group "loss" is chosen already, by conf/config.yaml:3',
      'type loss=infopro',
    ],
    [base, ['++loss=infopro'], 'MAN_CONFIG_CHOICE', '"++" is for values', 'type loss=infopro'],
    [base, ['loss+=[infopro]'], 'MAN_CONFIG_CHOICE', '"loss" is a group, not a list', 'type loss=[option, option]'],
    [base, ['loss={type: dgl}'], 'MAN_CONFIG_CHOICE', '"loss" is a group and takes the name of an option', 'loss.key=value'],
    [base, ['loss=../secret'], 'MAN_CONFIG_NAME', 'override "loss=../secret": "../secret" is not the name', '".." and paths are refused'],
    [base, ['loss=/etc/passwd'], 'MAN_CONFIG_NAME', '"/etc/passwd" is not the name', 'stay inside'],
    [list('loss: ../../etc/passwd'), [], 'MAN_CONFIG_NAME', 'conf/config.yaml:3: "../../etc/passwd"', 'stay inside'],
    [list('../loss: dgl'), [], 'MAN_CONFIG_NAME', '"../loss" is not the name', 'stay inside'],
    [list('..'), [], 'MAN_CONFIG_NAME', '".." is not the name', 'stay inside'],
    [
      list('override loss: dgl'),
      [],
      'MAN_CONFIG_CHOICE',
      'conf/config.yaml:3: no defaults list names the group "loss"',
      'write "loss: dgl" without "override"',
    ],
    [
      list('loss: dgl\n  - loss: infopro'),
      [],
      'MAN_CONFIG_DEFAULTS',
      'conf/config.yaml:3: the group "loss" is chosen twice, here and by conf/config.yaml:4',
      'override loss: option',
    ],
    [list('loss@x: dgl'), [], 'MAN_CONFIG_DEFAULTS', 'moving a group with "@" is not supported', 'name the group alone'],
    [list('always loss: dgl'), [], 'MAN_CONFIG_DEFAULTS', 'unknown word "always" before group "loss"', 'entries are'],
    [list('_self_\n  - _self_'), [], 'MAN_CONFIG_DEFAULTS', '"_self_" comes twice', 'keep one'],
    [list('{a: b, c: d}'), [], 'MAN_CONFIG_DEFAULTS', 'conf/config.yaml:3: this entry of the defaults list cannot be read', 'entries are'],
    [list('loss: true'), [], 'MAN_CONFIG_DEFAULTS', 'expected the name of an option', 'entries are'],
    [
      { ...base, 'config.yaml': 'defaults: 3' },
      [],
      'MAN_CONFIG_DEFAULTS',
      'conf/config.yaml:1: expected a list of defaults, got a scalar',
      '- group: option',
    ],
    [list('nothing'), [], 'MAN_CONFIG_SOURCE', 'conf/config.yaml:3: there is no file conf/nothing.yaml', 'correct the name'],
    [{}, [], 'MAN_CONFIG_SOURCE', 'there is no file conf/config.yaml', 'begins with this file'],
    [
      { ...list('__proto__: x'), '__proto__/x.yaml': 'polluted: 1' },
      [],
      'MAN_CONFIG_KEY',
      'key "__proto__" cannot be used',
      'another name',
    ],
    [
      { ...base, 'config.yaml': 'defaults: [a]', 'a.yaml': 'defaults: [b]', 'b.yaml': 'defaults: [a]' },
      [],
      'MAN_CONFIG_CYCLE',
      'conf/a.yaml → conf/b.yaml → conf/a.yaml',
      'remove one',
    ],
  ])('case %#', (files, overrides, code, message, hint) => {
    const error = refusal(files, ...overrides);
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });

  it('stops files that name each other twice, and twice again', () => {
    const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}.yaml`, `defaults: [f${i + 1}, f${i + 1}]`]));
    const error = refusal({ 'config.yaml': 'defaults: [f0]', 'f20.yaml': 'a: 1', ...files });
    expect(error.code).toBe('MAN_CONFIG_TOO_BIG');
  });
});

describe('an override of a group in a file', () => {
  const files = {
    ...base,
    'plugin/x.yaml': '# @package _global_\ndefaults:\n  - override /loss: infopro\n',
    'config.yaml': 'defaults:\n  - plugin: x\n  - loss: dgl\n',
  };
  it('is refused where the group is listed behind the file', () => {
    const { code, message, hint } = refusal(files);
    expect(code).toBe('MAN_CONFIG_DEFAULTS');
    expect(message).toContain('conf/plugin/x.yaml:3: this override of "loss" comes too late: conf/config.yaml:3 lists the group behind');
    expect(hint).toContain('list the file behind the group "loss"');
  });
  it('passes where it changes nothing, is outranked by what is typed, or comes in time', () => {
    expect(compose({ ...files, 'config.yaml': 'defaults:\n  - plugin: x\n  - loss: infopro\n' }).choices.loss).toBe('infopro');
    expect(compose(files, 'loss=dgl').choices.loss).toBe('dgl');
    expect(compose({ ...files, 'config.yaml': 'defaults: [plugin: x]' }, '+loss=dgl').choices.loss).toBe('dgl');
    expect(compose({ ...files, 'config.yaml': 'defaults: [loss: dgl, plugin: x]' }).choices.loss).toBe('infopro');
  });
});

describe('a group that is listed with null', () => {
  const files = { ...base, 'config.yaml': 'defaults: [dataset: null, _self_]\ndataset: {classes: 3}\n' };
  it('is filled by +group=option as by group=option', () => {
    expect(compose(files, '+dataset=cifar10')).toEqual(compose(files, 'dataset=cifar10'));
    expect(compose(files, '+dataset=cifar10').values).toMatchObject({ dataset: { name: 'cifar10', classes: 3 } });
  });
});

describe('names of other programs', () => {
  const run = (...overrides: string[]) => {
    try {
      composeFiles(memorySource(base), 'config', readOverrides(overrides, String), {
        'hydra/launcher': 'track/files',
        'loss=DGL-old': 'dgl',
      });
    } catch (error) {
      if (isManError(error)) return error.describe();
    }
    return '';
  };
  it('are suggested for groups and options', () => {
    expect(run('hydra/launcher=csv')).toContain('did you mean "track/files"?');
    expect(run('loss=DGL-old')).toContain('did you mean "dgl"? type loss=dgl');
  });
});
