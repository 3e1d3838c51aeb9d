import { ManError } from '@man/base';

export function badOption(option: string, expected: string, got: unknown): ManError {
  return new ManError(`man: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_PLUGIN_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}

export function optionConflict(options: string, hint: string): ManError {
  return new ManError(`man: expected options that go together, got ${options}`, { code: 'MAN_PLUGIN_CONFLICT', hint });
}

export function attachedTwice(name: string): ManError {
  return new ManError(`man: expected a name of its own for every attachment, got '${name}' twice`, {
    code: 'MAN_PLUGIN_NAME',
    hint: 'name attachments after their blocks: block1, block2, …; a man() belongs to one trainer: call it for each',
  });
}
