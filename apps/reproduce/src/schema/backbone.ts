import { imageNetResNetSchema, resnetSchema } from '@man/backbone-resnet';
import { resnextSchema } from '@man/backbone-resnext';
import { vggSchema } from '@man/backbone-vgg';
import { vitSchema } from '@man/backbone-vit';
import { typed } from './typed.ts';

const FAMILY = 'Family of the network.';

/** Sub-schemas of `backbone`, by `backbone.type`. */
export const backboneSchemas = {
  resnet: typed('resnet', FAMILY, resnetSchema),
  'imagenet-resnet': typed('imagenet-resnet', FAMILY, imageNetResNetSchema),
  resnext: typed('resnext', FAMILY, resnextSchema),
  vgg: typed('vgg', FAMILY, vggSchema),
  vit: typed('vit', FAMILY, vitSchema),
};
