import { ManError } from '@man/base';

export const notFound = (search: readonly string[]) =>
  new ManError(`ImageNet is in none of ${search.join(', ')}`, {
    code: 'MAN_IMAGENET_NOT_FOUND',
    hint:
      'it is given to registered researchers only and not downloaded: register at its home page, get ILSVRC2012_img_train.tar, ' +
      `ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz and put them, unpacked or not, into ${search[0]}/imagenet`,
  });

export const fileMissing = (path: string, file: string, why: string) =>
  new ManError(`${path}: ${file} is missing; ${why}`, {
    code: 'MAN_IMAGENET_FILE_MISSING',
    hint: `get ${file} where the set comes from and put it into ${path}`,
  });

export const wrongContents = (file: string, expected: string, found: string) =>
  new ManError(`${file}: expected ${expected}, found ${found}`, {
    code: 'MAN_IMAGENET_CONTENTS',
    hint: 'the file or folder is damaged, incomplete or of another set; get it again',
  });

export const brokenTar = (file: string, at: number, problem: string) =>
  new ManError(`${file}: at byte ${at}, ${problem}`, {
    code: 'MAN_IMAGENET_TAR',
    hint: 'the archive is damaged or was cut off; compare its size and checksum with the published ones, and get it again',
  });

export const indexFailed = (file: string, cause: unknown) =>
  new ManError(`the index of ${file} could not be written: ${cause instanceof Error ? cause.message : String(cause)}`, {
    code: 'MAN_IMAGENET_INDEX',
    hint: 'make the folder of the archive or the user’s cache writable; without an index every start would read all of the archive',
    cause,
  });

export const badOption = (name: string, expected: string, found: unknown) =>
  new ManError(`imagenet option ${name}: expected ${expected}, got ${String(found)}`, {
    code: 'MAN_IMAGENET_OPTION',
    hint: `set ${name} to ${expected}`,
  });
