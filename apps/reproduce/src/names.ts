import type { TrainConfig } from './schema/index.ts';

const TITLES: Readonly<Record<string, string>> = {
  cifar10: 'CIFAR-10',
  cifar100: 'CIFAR-100',
  svhn: 'SVHN',
  stl10: 'STL-10',
  imagenet: 'ImageNet',
};

/** What people call a data set. */
export function dataName(name: string): string {
  return TITLES[name] ?? name;
}

/** What people call a network: `ResNet-32`. */
export function networkName(backbone: string): string {
  return backbone
    .replace(/^resnext(\d+)_/, 'ResNeXt-$1 ')
    .replace(/^resnet/, 'ResNet-')
    .replace(/^vgg/, 'VGG-')
    .replace(/^vit_(\w+)_patch(\d+)$/, 'ViT-$1/$2');
}

const FAMILIES: Readonly<Record<TrainConfig['backbone']['type'], string>> = {
  resnet: 'ResNet',
  'imagenet-resnet': 'ResNet',
  resnext: 'ResNeXt',
  vgg: 'VGG',
  vit: 'ViT',
};

/** What people call the network of a configuration. */
export function networkOf({ backbone }: Pick<TrainConfig, 'backbone'>): string {
  return `${FAMILIES[backbone.type]}-${backbone.depth}`;
}

/** What people call the method of a configuration. */
export function labelOf({ run, loss, plugin }: Pick<TrainConfig, 'run' | 'loss' | 'plugin'>): string {
  if (run.label !== null) return run.label;
  if (loss.type === 'e2e') return 'end to end';
  const variant = loss.type === 'infopro' && loss.mode === 'contrast' ? ' (contrast)' : '';
  const local = { auglocal: 'AugLocal', dgl: 'DGL', infopro: 'InfoPro', predsim: 'PredSim' }[loss.type] + variant;
  if (plugin.type === 'none') return local;
  return `${local} + ${plugin.mix === 'gated' ? 'MAN++' : 'MAN'}`;
}
