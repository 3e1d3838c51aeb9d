export type { IndexProgress } from './archives.ts';
export { type ImagenetDataset, type ImagenetOptions, imagenet, imagenetSchema } from './imagenet.ts';
export { verifyImagenet } from './verify.ts';
