import { type PictureSource, readPart } from './picture-source.ts';

/** The encoded bytes of a picture. @throws Error in words, `MAN_DATA_PARQUET`, `MAN_DATA_DISK` */
export function readSource(source: PictureSource): Uint8Array | Promise<Uint8Array> {
  if ('bytes' in source) return source.bytes;
  if (!('parquet' in source)) return readPart(source.file, source.start, source.end);
  // Loaded when it is needed: most threads never read such files.
  return import('./parquet-cell.ts').then(({ readCell }) => readCell(source.parquet));
}
