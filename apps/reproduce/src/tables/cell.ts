import { parseOverride } from '@man/config';
import { formatCount } from '@man/track';
import { isOption } from '../configuration.ts';
import type { PaperDataset, PaperMethod, PaperNumber } from '../paper.ts';

/**
 * What of MAN is added to a local loss: nothing, everything, the EMA copy alone, the trained copy alone, or the next unit's weights as they
 * are (Table 5's middle row, D14).
 */
export type Variant = 'plain' | 'man' | 'ema' | 'bias' | 'weights';

/** How much is trained: the paper's recipe, minutes a run, or seconds a run. */
export const PROFILES = ['paper', 'quick', 'smoke'] as const;
export type Profile = (typeof PROFILES)[number];

/** One configuration of the paper: what a number of a table is measured with, but for the seed. */
export interface Cell {
  /** Such as `cifar10-resnet32-k16-dgl-man`; names its folder. */
  readonly id: string;
  readonly dataset: PaperDataset;
  readonly backbone: string;
  readonly blocks: number;
  readonly method: PaperMethod;
  readonly variant: Variant;
}

const FILES: Readonly<Record<string, string>> = { 'ResNeXt-101-32x8d': 'resnext101' };
/** A name of the paper as the files in conf/ have it. */
const fileName = (name: string) => FILES[name] ?? name.toLowerCase().replaceAll('-', '');

/** The cell of a network and a method. */
export function cellOf(about: Omit<Cell, 'id'>): Cell {
  const { dataset, backbone, blocks, method, variant } = about;
  const place = `${fileName(dataset)}-${fileName(backbone)}`;
  const added = variant === 'plain' ? '' : `-${variant}`;
  return { ...about, id: method === 'E2E' ? `${place}-e2e` : `${place}-k${blocks}-${fileName(method)}${added}` };
}

/** The cell that a number of the paper belongs to. */
export function cellOfNumber({ dataset, backbone, K: blocks, method, ...row }: PaperNumber): Cell {
  return cellOf({ dataset, backbone, blocks, method, variant: variantOf(row) });
}

function variantOf({ man, ema, next_layer_parameters }: Pick<PaperNumber, 'man' | 'ema' | 'next_layer_parameters'>): Variant {
  if (man) return 'man';
  if (ema === true) return 'ema';
  return next_layer_parameters === true ? 'weights' : 'plain';
}

/** What a cell is called, without data set and network: `DGL + MAN`. */
export function methodName({ method, variant }: Pick<Cell, 'method' | 'variant'>): string {
  return method === 'E2E' ? 'end to end' : `${method}${ADDED[variant]}`;
}

const ADDED: Readonly<Record<Variant, string>> = {
  plain: '',
  man: ' + MAN',
  ema: ' + EMA',
  bias: ' + learnable bias',
  weights: ' + next weights',
};

/** The partition whose experiment file end-to-end training takes its recipe from. */
const RECIPE_OF_E2E: Readonly<Record<string, number>> = { 'ResNet-32': 16, 'ResNet-110': 55, VGG13: 10 };

const PLUGINS: Readonly<Record<Variant, readonly string[]>> = {
  plain: ['plugin=none'],
  man: ['plugin=man'],
  ema: ['plugin=man', 'plugin.bias=none'],
  bias: ['plugin=man', 'plugin.ema=false'],
  weights: ['plugin=man', 'plugin.bias=none', 'plugin.momentum=0'],
};

/**
 * What `train` is told for a cell, seed and folder excepted.
 *
 * @param typed for all cells
 */
export function overridesOf(cell: Cell, profile: Profile, typed: readonly string[] = []): readonly string[] {
  const own = ownOverrides(cell, profile);
  if (!typed.some((word) => parseOverride(word).key === 'preset')) return [...own, ...typed];
  // What is typed counts more than what a preset takes: these are left to it.
  return [...own.filter((word) => word !== 'loss=infopro' && word !== 'plugin=man'), ...typed];
}

function ownOverrides(cell: Cell, profile: Profile): readonly string[] {
  const { dataset, backbone, blocks, method, variant } = cell;
  const recipe = method === 'E2E' ? (RECIPE_OF_E2E[backbone] ?? 2) : blocks;
  return [
    `experiment=${fileName(dataset)}-${fileName(backbone)}-k${recipe}`,
    ...(profile === 'paper' ? [] : [`scale=${scaleOf(cell, profile)}`]),
    ...(method === 'E2E' ? ['loss=e2e', 'plugin=none', 'partition.blocks=1'] : [`loss=${lossFile(cell)}`, ...PLUGINS[variant]]),
  ];
}

/** Networks and data sets have budgets of their own where `conf/scale/` has them. */
function scaleOf({ dataset, backbone }: Cell, profile: Profile): string {
  const own = [backbone, dataset].map((name) => `${profile}-${fileName(name)}`);
  return own.find((name) => isOption('scale', name)) ?? profile;
}

/** The file of a local loss. VGG13 has the head of DGL's authors (D5). */
function lossFile({ backbone, method }: Cell): string {
  return method === 'DGL' && backbone === 'VGG13' ? 'dgl-original' : fileName(method);
}

/** `2,000 pictures × 3 epochs`. */
export function budgetText(pictures: number, epochs: number, dataset: string): string {
  const what = dataset === 'shapes' ? 'generated pictures' : 'pictures';
  return `${formatCount(pictures)} ${what} × ${formatCount(epochs)} ${epochs === 1 ? 'epoch' : 'epochs'}`;
}
