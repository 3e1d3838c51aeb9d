import { ManError } from '@man/base';

export const notFound = (search: readonly string[], files: readonly string[], url: string) =>
  new ManError(`SVHN (${files.join(', ')}) is in none of ${search.join(', ')}`, {
    code: 'MAN_SVHN_NOT_FOUND',
    hint: `allow the download (download: true), or get ${files.map((file) => `${url}/${file}`).join(' and ')} and put them into ${search[0]}/svhn`,
  });

export const wrongContents = (file: string, expected: string, found: string) =>
  new ManError(`${file}: expected ${expected}, found ${found}`, {
    code: 'MAN_SVHN_CONTENTS',
    hint: 'the file is damaged or of another set (format 1 has whole house numbers; this is format 2); get it again',
  });

export const wrongLabel = (file: string, picture: number, found: number) =>
  new ManError(`${file}: expected a label of 1 to 10 for picture ${picture}, found ${found}`, {
    code: 'MAN_SVHN_LABEL',
    hint: 'the official files have 10 for the digit 0; this one is damaged or was changed. Get it again',
  });

export const unknownExtra = (found: string) =>
  new ManError(`svhn option extra: expected 'none', 'separate' or 'joined', got '${found}'`, {
    code: 'MAN_SVHN_OPTION',
    hint: "leave extra out to do without the 531,131 easier pictures, as the paper does; 'joined' trains on them too",
  });
