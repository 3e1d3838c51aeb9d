export { type ResNeXtOptions, resnext, resnext50, resnext101, resnextSchema } from './resnext.ts';
