export {
  type Augmentation,
  allocateImages,
  type Dataset,
  type ImageReader,
  type ImageShape,
  type ImageSplit,
  type Normalization,
} from './dataset.ts';
export { createLoader, evaluationLoader, type Loader, trainingLoader } from './loader.ts';
export type { LoaderOptions } from './loader-options.ts';
