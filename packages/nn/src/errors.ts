import { ManError } from '@man/base';

export function inputShape(unit: string, expected: string, got: readonly number[]): ManError {
  return new ManError(`${unit}: expected an input of shape ${expected}, got [${got.join(',')}]`, {
    code: 'MAN_NN_SHAPE',
    hint: 'shapes are without the batch axis: [height, width, channels] or [features]',
  });
}

export function badOption(layer: string, option: string, expected: string, got: unknown): ManError {
  return new ManError(`${layer}: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_NN_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}

export function notCopyable(from: string, to: string): ManError {
  return new ManError(`clone of '${from}': expected the same variables in '${to}', got others`, {
    code: 'MAN_NN_CLONE',
    hint: 'the build function of a unit must make the same variables every time',
  });
}
