export {
  type ImageNetResNetOptions,
  imageNetResNet,
  imageNetResNetSchema,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
} from './imagenet-resnet.ts';
export { type ResNetOptions, resnet, resnet20, resnet32, resnet44, resnet56, resnet110, resnetSchema } from './resnet.ts';
