import { ManError } from '@man/base';

export function badOption(option: string, expected: string, got: unknown): ManError {
  return new ManError(`auglocal: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_AUGLOCAL_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}

export function featureShape(block: number, got: readonly number[]): ManError {
  return new ManError(
    `auglocal, block ${block}: expected features of shape [height, width, channels], [tokens, values] or [values], got [${got.join(',')}]`,
    {
      code: 'MAN_AUGLOCAL_SHAPE',
      hint: 'the classifier behind the copied units takes pictures, tokens and vectors; cut the network elsewhere, or take another local loss',
    },
  );
}

export function batchOfOne(block: number): ManError {
  return new ManError(
    `auglocal, block ${block}: expected a batch of at least 2 pictures, got 1: a single copied unit is followed by a norm over the batch`,
    {
      code: 'MAN_AUGLOCAL_BATCH',
      hint: 'train on batches of 2 or more, or with a larger depth; where the last batch of an epoch is left with one picture, drop it (dropLast: true of the loaders of @man/data)',
    },
  );
}
