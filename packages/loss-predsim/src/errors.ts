import { ManError } from '@man/base';

export function badOption(option: string, expected: string, got: unknown): ManError {
  return new ManError(`predsim: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_PREDSIM_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}

export function featureShape(block: number, got: readonly number[]): ManError {
  return new ManError(
    `predsim, block ${block}: expected features of shape [height, width, channels], [tokens, features] or [features], got [${got.join(',')}]`,
    {
      code: 'MAN_PREDSIM_SHAPE',
      hint: 'cut the network where it has pictures or flat features, or take another local loss',
    },
  );
}
