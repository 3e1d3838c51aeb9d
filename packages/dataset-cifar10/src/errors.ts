import { ManError } from '@man/base';

export const notFound = (title: string, search: readonly string[], archive: string, url: string) =>
  new ManError(`${title} is in none of ${search.join(', ')}`, {
    code: 'MAN_CIFAR10_NOT_FOUND',
    hint: `allow the download (download: true), or get ${url} and put ${archive}, packed or unpacked, into ${search[0]}`,
  });

export const fileMissing = (folder: string, file: string) =>
  new ManError(`${folder} holds a part of the set only: ${file} is missing`, {
    code: 'MAN_CIFAR10_FILE_MISSING',
    hint: 'complete the folder, or remove it to have the set downloaded again',
  });

export const wrongSize = (file: string, expected: number, found: number) =>
  new ManError(`${file}: expected ${expected} bytes, found ${found}`, {
    code: 'MAN_CIFAR10_SIZE',
    hint: 'the file was cut off or is of another set (records have 3,073 bytes in CIFAR-10, 3,074 in CIFAR-100); get it again',
  });

export const wrongLabel = (file: string, record: number, found: unknown, classes: number) =>
  new ManError(`${file}: expected a label of 0 to ${classes - 1} in record ${record}, found ${String(found)}`, {
    code: 'MAN_CIFAR10_LABEL',
    hint: 'the file is damaged or of another set; get it again',
  });

export const wrongContents = (file: string, expected: string, found: string) =>
  new ManError(`${file}: expected ${expected}, found ${found}`, {
    code: 'MAN_CIFAR10_CONTENTS',
    hint: 'the file is damaged or of another set; get it again',
  });

export const badPickle = (file: string, position: number, problem: string) =>
  new ManError(`${file}: at byte ${position}, ${problem}`, {
    code: 'MAN_CIFAR10_PICKLE',
    hint: 'only what the official python files hold is read, nothing is executed; get the file again, or use the binary version of the set',
  });

export const wrongClasses = (file: string, expected: readonly string[], found: readonly string[]) =>
  new ManError(`${file}: expected the classes ${expected.join(' ')}, found ${found.join(' ')}`, {
    code: 'MAN_CIFAR10_CLASSES',
    hint: 'the folder holds another set, or one with its classes renumbered',
  });

export const unbalanced = (half: string, label: number, expected: number, found: number) =>
  new ManError(`${half}: expected ${expected} pictures of class ${label}, found ${found}`, {
    code: 'MAN_CIFAR10_COUNTS',
    hint: 'labels were changed, or files of other sets are among them; get the set again',
  });

export const unknownLayout = (found: string) =>
  new ManError(`option layout of CIFAR: expected 'auto', 'binary', 'python' or 'parquet', got '${found}'`, {
    code: 'MAN_CIFAR10_OPTION',
    hint: 'leave layout out to take whichever version is there, the binary one first',
  });

export const unknownLabels = (found: string) =>
  new ManError(`cifar100 option labels: expected 'fine' or 'coarse', got '${found}'`, {
    code: 'MAN_CIFAR10_OPTION',
    hint: "leave labels out for the hundred classes; 'coarse' takes the twenty that they belong to",
  });
