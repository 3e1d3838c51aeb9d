import { ManError } from '@man/base';

export const badOption = (what: string, expected: string, got: unknown) =>
  new ManError(`${what}: expected ${expected}, got ${JSON.stringify(got) ?? String(got)}`, {
    code: 'MAN_LAUNCH_OPTION',
    hint: 'correct the option; the README of @man/launch lists them all',
  });
