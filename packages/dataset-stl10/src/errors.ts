import { ManError } from '@man/base';

export const notFound = (search: readonly string[], url: string) =>
  new ManError(`STL-10 is in none of ${search.join(', ')}`, {
    code: 'MAN_STL10_NOT_FOUND',
    hint: `allow the download (download: true, 2.6 GB), or get ${url} and put it, packed or unpacked, into ${search[0]}`,
  });

export const fileMissing = (path: string, file: string) =>
  new ManError(`${path} holds a part of STL-10 only: ${file} is missing`, {
    code: 'MAN_STL10_FILE_MISSING',
    hint: 'complete the folder, or remove it to have the set downloaded again; the unlabelled pictures are read from an unpacked folder only',
  });

export const wrongContents = (file: string, expected: string, found: string) =>
  new ManError(`${file}: expected ${expected}, found ${found}`, {
    code: 'MAN_STL10_CONTENTS',
    hint: 'the file was cut off, damaged or is of another set; get it again',
  });

export const wrongFold = (found: unknown) =>
  new ManError(`stl10 option fold: expected a whole number of 0 to 9, got ${String(found)}`, {
    code: 'MAN_STL10_OPTION',
    hint: 'leave fold out to train on all 5,000 pictures, as the paper does',
  });
