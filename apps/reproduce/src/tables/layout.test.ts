import { describe, expect, it } from 'vitest';
import { loadTrainConfig } from '../configuration.ts';
import { PAPER } from '../paper.ts';
import { trainerOf } from '../plan-command.ts';
import { type Cell, cellOfNumber, overridesOf, PROFILES } from './cell.ts';
import { cellsOf, TRAINED_TABLES } from './layout.ts';
import { homeOf, layoutOf } from './paper-tables.ts';
import { chosenCells } from './rows.ts';

const trained = PAPER.rows.filter(({ table }) => table === '1').map(cellOfNumber);
/** A cell by its id. */
function named(cells: readonly Cell[], id: string): Cell {
  const cell = cells.find((each) => each.id === id);
  if (cell === undefined) throw new Error(`no cell ${id}`);
  return cell;
}
const configOf = (id: string) => loadTrainConfig(overridesOf(named(trained, id), 'paper')).config;

describe('paper/tables.json', () => {
  it('has changes that are differences of its values', () => {
    const printed = PAPER.rows.filter(({ reported_delta }) => reported_delta !== undefined);
    expect(printed).toHaveLength(56);
    for (const row of printed) {
      const plain = PAPER.rows.find(
        (other) =>
          other.table === row.table &&
          other.dataset === row.dataset &&
          other.backbone === row.backbone &&
          other.K === row.K &&
          other.method === row.method &&
          other.metric === row.metric &&
          !other.man &&
          other.ema !== true,
      );
      expect(row.value - (plain?.value ?? Number.NaN)).toBeCloseTo(row.reported_delta ?? Number.NaN, 8);
    }
  });
});

describe('Table 1', () => {
  it('has the rows and columns of the paper, each number once', () => {
    const layout = layoutOf('1');
    const [part] = layout.parts;
    expect(part?.columns).toEqual(['ResNet-32, K=8', 'ResNet-32, K=16', 'ResNet-110, K=32', 'ResNet-110, K=55']);
    expect(part?.rows.map(({ heads }) => heads.join(' ')).slice(0, 8)).toEqual([
      'CIFAR-10 end to end',
      'CIFAR-10 PredSim',
      'CIFAR-10 PredSim + MAN',
      'CIFAR-10 DGL',
      'CIFAR-10 DGL + MAN',
      'CIFAR-10 InfoPro',
      'CIFAR-10 InfoPro + MAN',
      'STL-10 end to end',
    ]);
    const row = part?.rows.find(({ heads }) => heads.join(' ') === 'SVHN DGL + MAN');
    expect(row?.entries.map((entry) => [entry?.cell.id, entry?.paper, entry?.paperChange])).toEqual([
      ['svhn-resnet32-k8-dgl-man', 3.8, -1.03],
      ['svhn-resnet32-k16-dgl-man', 4.04, -1.01],
      ['svhn-resnet110-k32-dgl-man', 4.08, -1.04],
      ['svhn-resnet110-k55-dgl-man', 4.52, -0.84],
    ]);
    expect(cellsOf(layout)).toHaveLength(PAPER.rows.filter(({ table }) => table === '1').length);
  });

  it.each(PROFILES)('composes a configuration for every cell of profile %s', (profile) => {
    for (const cell of trained) {
      const { config } = loadTrainConfig(overridesOf(cell, profile));
      expect([config.backbone.depth, config.partition.blocks, config.plugin.type]).toEqual([
        Number(cell.backbone.split('-')[1]),
        cell.blocks,
        cell.variant === 'man' ? 'man' : 'none',
      ]);
      expect(config.loss.type).toBe(cell.method.toLowerCase());
    }
  });

  // methods.md §4.1.
  it.each([
    ['cifar10-resnet32-e2e', 'cifar10', 1024, 0.8],
    ['svhn-resnet110-k32-dgl-man', 'svhn', 1024, 0.8],
    ['stl10-resnet32-k8-infopro', 'stl10', 128, 0.1],
  ])('%s has the recipe of the paper', (id, dataset, batch, rate) => {
    const { train, test, optimizer, ...config } = configOf(id);
    expect(config.dataset.type).toBe(dataset);
    expect([train.epochs, train.batch, train.limit, test.limit]).toEqual([400, batch, null, null]);
    expect(optimizer).toMatchObject({ momentum: 0.9, nesterov: true, weightDecay: 1e-4 });
    expect(config.schedule).toMatchObject({ type: 'cosine', base: rate, perBatch: batch, warmup: 10, rampFrom: 0.01, firstEpoch: 1 });
  });
});

describe('Tables 2, 4 and 5', () => {
  const rowsOf = (table: '2' | '4' | '5') =>
    layoutOf(table).parts.flatMap(({ rows }) =>
      rows.map(({ heads, entries }) => [...heads, ...entries.map((entry) => entry?.paper), entries[0]?.paperChange ?? null]),
    );

  it('have the rows of the paper, with the change that was printed', () => {
    expect(rowsOf('2')).toHaveLength(18);
    expect(rowsOf('2').slice(-3)).toEqual([
      ['VGG13', 'end to end', 28.41, 9.63, null],
      ['VGG13', 'DGL, K=10', 35.6, 14.2, null],
      ['VGG13', 'DGL + MAN, K=10', 31.99, 10.84, -3.61],
    ]);
    expect(rowsOf('4')).toEqual([
      ['–', '–', 14.08, null],
      ['✓', '–', 11.07, -3.01],
      ['✓', '✓', 9.11, -4.97],
      ['–', '–', 22.81, 6.54, null],
      ['✓', '–', 22.09, 6.07, -0.72],
      ['✓', '✓', 21.73, 5.81, -1.08],
    ]);
    expect(rowsOf('5').slice(0, 3)).toEqual([
      ['–', '–', 14.08, null],
      ['✓', '–', 12.93, -1.15],
      ['✓', '✓', 11.07, -3.01],
    ]);
  });

  it('train a cell of several tables once', () => {
    const homes = (table: '4' | '5') => cellsOf(layoutOf(table)).map(homeOf);
    expect(homes('4')).toEqual(['table-1', 'table-4', 'table-1', 'table-2', 'table-4', 'table-2']);
    expect(homes('5')).toEqual(['table-1', 'table-5', 'table-4', 'table-2', 'table-5', 'table-4']);
  });

  const ofTables = TRAINED_TABLES.flatMap((table) => cellsOf(layoutOf(table)));
  const pluginOf = (id: string) => loadTrainConfig(overridesOf(named(ofTables, id), 'paper')).config.plugin;

  // methods.md §3.6.
  it('switch parts of MAN on and off', () => {
    expect(pluginOf('cifar10-resnet32-k16-dgl-ema')).toMatchObject({ type: 'man', ema: true, bias: 'none', momentum: 0.995 });
    expect(pluginOf('cifar10-resnet32-k16-dgl-weights')).toMatchObject({ type: 'man', ema: true, bias: 'none', momentum: 0 });
    expect(pluginOf('imagenet-resnet101-k4-infopro-man')).toMatchObject({ type: 'man', ema: true, bias: 'branch', momentum: 0.995 });
  });

  it('are as MAN’s authors released them where that is asked for, whatever has one', () => {
    const released = (id: string) => loadTrainConfig(overridesOf(named(ofTables, id), 'paper', ['preset=release'])).config;
    const man = released('cifar10-resnet32-k16-infopro-man');
    expect(man.loss).toMatchObject({ type: 'infopro', schedule: 'man-release' });
    expect([man.plugin, man.partition.split]).toEqual([expect.objectContaining({ init: 'independent', when: 'before-step' }), 'release']);
    // Its blocks: 15.
    expect(trainerOf(man).blocks).toHaveLength(15);
    expect(released('svhn-resnet110-k55-dgl').loss.type).toBe('dgl');
    expect(released('cifar10-resnet32-k16-infopro').plugin.type).toBe('none');
    expect(trainerOf(released('stl10-resnet32-e2e')).blocks).toHaveLength(1);
  });

  // methods.md §4.2.
  it.each([
    ['imagenet-resnet152-k4-infopro-man', 'imagenet-resnet', 128, 0.05],
    ['imagenet-resnext101-e2e', 'resnext', 64, 0.025],
    ['imagenet-vgg13-k10-dgl', 'vgg', 64, 0.025],
  ])('%s has the recipe of the paper', (id, backbone, batch, rate) => {
    const cell = named(ofTables, id);
    for (const profile of PROFILES) expect(loadTrainConfig(overridesOf(cell, profile)).config.partition.blocks).toBe(cell.blocks);
    const { config } = loadTrainConfig(overridesOf(cell, 'paper'));
    expect([config.backbone.type, config.train.epochs, config.train.batch, config.train.limit]).toEqual([backbone, 90, batch, null]);
    expect(config.schedule).toMatchObject({ type: 'cosine', base: rate, perBatch: batch, warmup: 0, firstEpoch: 0 });
    if (cell.method === 'DGL') expect(config.loss).toEqual({ type: 'dgl', head: 'original' });
  });
});

describe('chosenCells', () => {
  const cells = cellsOf(layoutOf('1'));
  const ids = (filter: string) => chosenCells(cells, filter).map(({ id }) => id);

  it('takes cells that have all words of a choice and none with an exclamation mark', () => {
    expect(ids('cifar10 k16 dgl')).toEqual(['cifar10-resnet32-k16-dgl', 'cifar10-resnet32-k16-dgl-man']);
    expect(ids('SVHN k8 dgl !man, stl10 resnet32 e2e')).toEqual(['stl10-resnet32-e2e', 'svhn-resnet32-k8-dgl']);
  });

  it('says which words there are where none fits', () => {
    expect(() => ids('k1')).toThrow(expect.objectContaining({ code: 'MAN_REPRODUCE_OPTION' }));
    expect(() => ids('k1')).toThrow(/cifar10, resnet32, e2e/);
    expect(() => ids(' ')).toThrow(/names no row/);
  });
});
