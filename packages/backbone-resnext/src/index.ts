export { type ResNeXtOptions, resnext, resnext50, resnext101 } from './resnext.ts';
