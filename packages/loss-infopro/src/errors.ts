import { ManError } from '@man/base';

export function pixelsMissing(block: number): ManError {
  return new ManError(`infopro, block ${block}: expected batch.pixels, the pictures in [0, 1] that the decoder reconstructs, got none`, {
    code: 'MAN_INFOPRO_PIXELS',
    hint: 'give the batch a third tensor: { images, labels, pixels }; loaders of @man/data do, localLearning of @man/layers with its option pixels',
  });
}

export function badOption(option: string, expected: string, got: unknown): ManError {
  return new ManError(`infopro: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_INFOPRO_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}

export function featureShape(block: number, got: readonly number[]): ManError {
  return new ManError(
    `infopro, block ${block}: expected features of shape [height, width, channels], or tokens of all patches of a picture, got [${got.join(',')}]`,
    {
      code: 'MAN_INFOPRO_SHAPE',
      hint: 'infopro decodes pictures; cut the network in front of its flattening, or take another local loss',
    },
  );
}

export function noTerm(
  schedule: unknown,
  block: number,
  blocks: number,
  { reconstruction, classification }: { readonly reconstruction: number; readonly classification: number },
): ManError {
  return new ManError(
    `infopro, block ${block} of ${blocks}: expected weights of 0 or more, and one above 0, got reconstruction ${reconstruction} and classification ${classification} from schedule ${JSON.stringify(schedule)}`,
    {
      code: 'MAN_INFOPRO_OPTION',
      hint: 'take another schedule or another number of blocks; every block needs a term to learn from',
    },
  );
}
