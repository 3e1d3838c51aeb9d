export { type VggOptions, vgg, vgg11, vgg13, vgg16, vgg19, vggSchema } from './vgg.ts';
