import { ManError } from '@man/base';

export function pixelsMissing(block: number): ManError {
  return new ManError(`infopro, block ${block}: expected batch.pixels, the pictures in [0, 1] that the decoder reconstructs, got none`, {
    code: 'MAN_INFOPRO_PIXELS',
    hint: 'give the batch a third tensor: { images, labels, pixels }; loaders of @man/data do',
  });
}

export function badOption(option: string, expected: string, got: unknown): ManError {
  return new ManError(`infopro: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_INFOPRO_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}

export function featureShape(block: number, got: readonly number[]): ManError {
  return new ManError(`infopro, block ${block}: expected features of shape [height, width, channels], got [${got.join(',')}]`, {
    code: 'MAN_INFOPRO_SHAPE',
    hint: 'infopro decodes pictures; for flat features use another local loss',
  });
}
