import { ManError } from '@man/base';

export function badOption(option: string, expected: string, got: unknown): ManError {
  return new ManError(`resnext: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_RESNEXT_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}
