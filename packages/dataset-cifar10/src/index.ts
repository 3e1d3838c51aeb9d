export { type Cifar10Options, cifar10 } from './cifar10.ts';
export { CIFAR10_CLASSES } from './layouts.ts';
