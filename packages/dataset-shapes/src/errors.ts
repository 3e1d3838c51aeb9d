import { ManError } from '@man/base';

export const invalidOption = (name: string, expected: string, got: unknown) =>
  new ManError(`shapes option ${name}: expected ${expected}, got ${String(got)}`, {
    code: 'MAN_SHAPES_OPTION',
    hint: `set ${name} to ${expected}`,
  });
