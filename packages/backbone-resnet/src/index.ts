export { basicUnit } from './basic-unit.ts';
export { type ResNetOptions, resnet, resnet20, resnet32, resnet44, resnet56, resnet110 } from './resnet.ts';
