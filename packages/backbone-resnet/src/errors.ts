import { ManError } from '@man/base';

export function badDepth(expected: string, got: number, hint: string): ManError {
  return new ManError(`resnet: expected a depth of ${expected}, got ${got}`, { code: 'MAN_RESNET_DEPTH', hint });
}

export function badOption(option: string, expected: string, got: unknown): ManError {
  return new ManError(`resnet: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_RESNET_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}
