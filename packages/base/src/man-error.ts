/** What a {@link ManError} is made of. */
export interface ManErrorOptions {
  /** Stable identifier, `MAN_*`; part of the public interface and listed in `docs/errors.md`. */
  readonly code: string;
  /** What to do about it, as one sentence or command. */
  readonly hint?: string;
  /** The error underneath, when there is one. */
  readonly cause?: unknown;
}

/**
 * The one error class of all MAN packages.
 *
 * The message says what was expected, what came (value or shape) and where; `hint` says what to do.
 *
 * @example
 * ```ts
 * throw new ManError('expected a batch of at least 2 pictures, got 1 (block 3)', {
 *   code: 'MAN_CORE_BATCH_TOO_SMALL',
 *   hint: 'raise data.batch, or drop the last partial batch',
 * });
 * ```
 */
export class ManError extends Error {
  override readonly name = 'ManError';
  readonly code: string;
  readonly hint: string | undefined;

  constructor(message: string, options: ManErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.hint = options.hint;
  }

  /** Message, hint and code on a line each, as command lines print it. */
  describe(): string {
    return [this.message, ...(this.hint === undefined ? [] : [`  → ${this.hint}`]), `  [${this.code}]`].join('\n');
  }
}

/** Whether `error` is a {@link ManError}, with the given code when one is named. */
export function isManError(error: unknown, code?: string): error is ManError {
  return error instanceof ManError && (code === undefined || error.code === code);
}
