import { ManError } from '@man/base';

export function badOption(option: string, expected: string, got: unknown): ManError {
  return new ManError(`vit: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_VIT_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}
