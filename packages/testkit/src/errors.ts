import { ManError } from '@man/base';

/** @param hint what to do, as a sentence */
export function checkFailed(where: string, expected: string, got: string, hint: string): ManError {
  return new ManError(`${where}: expected ${expected}, got ${got}`, { code: 'MAN_TESTKIT_FAILED', hint });
}
