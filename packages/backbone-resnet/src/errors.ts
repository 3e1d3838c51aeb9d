import { ManError } from '@man/base';

export function badDepth(got: number): ManError {
  return new ManError(`resnet: expected a depth of 6n + 2 (8, 14, 20, 32, 44, 56, 110, …), got ${got}`, {
    code: 'MAN_RESNET_DEPTH',
    hint: 'take resnet20, resnet32, resnet44, resnet56 or resnet110, or resnet({ depth: 6n + 2 })',
  });
}

export function badOption(option: string, expected: string, got: unknown): ManError {
  return new ManError(`resnet: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_RESNET_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}
