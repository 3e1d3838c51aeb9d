import { ManError } from '@man/base';

export function badOption(option: string, expected: string, got: unknown): ManError {
  return new ManError(`vgg: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_VGG_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}
