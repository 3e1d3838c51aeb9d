import { ManError } from '@man/base';

export function badOption(option: string, expected: string, got: unknown): ManError {
  return new ManError(`dgl: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_DGL_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}

export function featureShape(block: number, got: readonly number[]): ManError {
  return new ManError(
    `dgl, block ${block}: expected features of shape [height, width, channels], [tokens, values] or [values], got [${got.join(',')}]`,
    {
      code: 'MAN_DGL_SHAPE',
      hint: 'the heads of dgl take pictures, tokens and vectors; cut the network elsewhere, or take another local loss',
    },
  );
}

export function batchOfOne(block: number): ManError {
  return new ManError(
    `dgl, block ${block}: expected a batch of at least 2 pictures, got 1: the head normalises each value over the batch`,
    {
      code: 'MAN_DGL_BATCH',
      hint: 'train on batches of 2 or more; where the last batch of an epoch is left with one picture, drop it (dropLast: true of the loaders of @man/data) or choose another batch size',
    },
  );
}
