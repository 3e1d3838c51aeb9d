export type { CifarOptions } from './cifar.ts';
export { type Cifar10Options, cifar10, cifar10Schema, verifyCifar10 } from './cifar10.ts';
export { type Cifar100Options, cifar100, cifar100Schema, verifyCifar100 } from './cifar100.ts';
export { CIFAR100_COARSE, CIFAR100_FINE } from './cifar100-classes.ts';
export { CIFAR10_CLASSES } from './sets.ts';
