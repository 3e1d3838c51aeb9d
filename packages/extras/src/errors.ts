import { ManError } from '@man/base';

export function badOption(plugin: string, option: string, expected: string, got: unknown): ManError {
  return new ManError(`${plugin}: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_EXTRAS_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}

export function clipConflict(got: string): ManError {
  return new ManError(`clipGradients: expected either norm or value, got ${got}`, {
    code: 'MAN_EXTRAS_CLIP',
    hint: 'clipGradients({ norm: 1 }) shortens the gradient of a block, clipGradients({ value: 0.5 }) bounds each number of it',
  });
}

export function notEvaluated(epoch: number): ManError {
  return new ManError(`earlyStopping: expected an evaluation after epoch ${epoch}, got none`, {
    code: 'MAN_EXTRAS_NOT_EVALUATED',
    hint: 'give fit something to evaluate, trainer.fit(train, { epochs, evaluate }), or take earlyStopping out of plugins',
  });
}
