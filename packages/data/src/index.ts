export { type ByteSource, fileSource, memorySource } from './byte-source.ts';
export { type Checksum, verifyFile } from './checksum.ts';
export { type DataFolder, dataFolder } from './data-folder.ts';
export {
  type Augmentation,
  allocateImages,
  type Dataset,
  type EncodedImages,
  type ImageReader,
  type ImageShape,
  type ImageSplit,
  type Normalization,
  type RandomResizedCrop,
} from './dataset.ts';
export { createDecoder, type Decoder } from './decode.ts';
export { type DownloadOptions, type DownloadProgress, download } from './download.ts';
export type { Picture, Raster } from './jpeg.ts';
export { createLoader, evaluationLoader, type Loader, trainingLoader } from './loader.ts';
export { type LoaderOptions, loaderSchema, type UnreadablePicture } from './loader-options.ts';
export { type MatOptions, type MatVariable, readMat } from './mat.ts';
export type { MatClass, MatValue } from './mat-values.ts';
export { openParquet, type ParquetFile } from './parquet.ts';
export type { ParquetCell, PictureSource } from './picture-source.ts';
export { pixelsFromPlanes } from './planes.ts';
export type { Box } from './resample.ts';
export { findFolder, foldersOf, namesIn, type SourceOptions } from './source-options.ts';
export { type ArchiveEntry, readTarGz, type UnpackOptions, unpackTarGz } from './unpack.ts';
export {
  type Check,
  Checker,
  type PublishedFile,
  type PublishedLabels,
  type Verification,
  type VerifyOptions,
  type VerifyProgress,
} from './verification.ts';
