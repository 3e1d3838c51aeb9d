import { type ConfigValue, isManError, type ManError } from '@man/base';
import { badOverride, badOverrideFile, badOverrides, tooBig } from './errors.ts';
import { checkKey } from './key.ts';
import { limits } from './limits.ts';
import type { Origin } from './origin.ts';
import { shorten } from './value.ts';
import { readValue } from './value-grammar.ts';

/** One override, read: what to do with which key. Whether the key is a group is known only beside a configuration folder. */
export interface Override {
  /** The override as it was typed. */
  readonly text: string;
  /** `set` = `key=v`, `add` = `+key=v`, `force` = `++key=v`, `delete` = `~key` or `~key=v`, `append` = `key+=[v]`. */
  readonly action: 'set' | 'add' | 'force' | 'delete' | 'append';
  /** Key path (`optim.lr`) or group (`dataset`, `track/files`). */
  readonly key: string;
  /** The typed value; absent in `~key`. */
  readonly value?: ConfigValue;
  /** The value as it was typed, from which option names are taken. */
  readonly word?: string;
  readonly origin: Origin & { readonly kind: 'override' };
}

/**
 * Reads one override.
 *
 * @throws `MAN_CONFIG_OVERRIDE` when the text does not follow the grammar, `MAN_CONFIG_KEY` for a key that cannot be used
 * @example
 * ```ts
 * import { parseOverride } from '@man/config';
 *
 * const { action, key, value } = parseOverride('optim.betas=[0.9, 0.999]'); // 'set', 'optim.betas', [0.9, 0.999]
 * ```
 */
export function parseOverride(text: string): Override {
  return parse(text, { kind: 'override', text: shorten(text.trim()) });
}

function parse(typed: string, origin: Override['origin']): Override {
  const text = typed.trim();
  if (text.length > limits.characters) throw tooBig(`override "${shorten(text)}"`, `${text.length} characters`, limits.characters);
  const prefix = /^(\+\+|\+|~)?/.exec(text)?.[0] ?? '';
  const equals = text.indexOf('=');
  const appends = equals > 0 && text[equals - 1] === '+';
  const key = text.slice(prefix.length, equals < 0 ? undefined : appends ? equals - 1 : equals).trim();
  checkKeyPath(text, key, prefix.length);
  const action = actionOf(text, prefix, appends);
  if (equals < 0) {
    if (action === 'delete') return { text, action, key, origin };
    throw badOverride(text, text.length + 1, 'expected "=" and a value', `type ${prefix}${key}=value, or ~${key} to delete the key`);
  }
  const value = readValue(text, equals + 1);
  if (action === 'append' && !Array.isArray(value)) {
    throw badOverride(text, equals + 2, 'only a list can be appended', `type ${key}+=[${text.slice(equals + 1).trim()}]`);
  }
  return { text, action, key, value, word: text.slice(equals + 1).trim(), origin };
}

function actionOf(text: string, prefix: string, appends: boolean): Override['action'] {
  if (!appends) return ({ '': 'set', '+': 'add', '++': 'force', '~': 'delete' } as const)[prefix] ?? 'set';
  if (prefix === '') return 'append';
  throw badOverride(text, 1, `"${prefix}" and "+=" exclude each other`, 'type key+=[value] to append to a list, +key=value to add a key');
}

/** A path of keys with dots, or a group with slashes. */
function checkKeyPath(text: string, key: string, offset: number): void {
  const form = 'an override is key=value, +key=value, ++key=value, ~key, key+=[value], group=option or @file';
  if (key === '') throw badOverride(shorten(text), offset + 1, 'expected a key', form);
  if (key.includes('@')) {
    throw badOverride(
      shorten(text),
      offset + key.indexOf('@') + 1,
      '"@" in a key is kept for moving groups',
      'name the group alone: group=option',
    );
  }
  const parts = key.split(key.includes('/') ? '/' : '.');
  if (parts.length > limits.depth) throw tooBig(`override "${shorten(text)}"`, `${parts.length} keys inside each other`, limits.depth);
  for (const part of parts) {
    if (part === '') throw badOverride(shorten(text), offset + 1, `"${shorten(key)}" is not a key`, form);
    checkKey(`override "${shorten(text)}"`, part);
  }
}

/**
 * Reads a list of overrides as typed, with the files named by `@file` in their places. All mistakes are reported at once.
 *
 * @param readText gives the text of a file, or throws
 * @throws `MAN_CONFIG_OVERRIDE`, `MAN_CONFIG_OVERRIDE_FILE`, `MAN_CONFIG_KEY`, `MAN_CONFIG_TOO_BIG`
 */
export function readOverrides(texts: readonly string[], readText: (path: string) => string): Override[] {
  const overrides: Override[] = [];
  const errors: ManError[] = [];
  const read = (text: string, origin: Override['origin']) => {
    try {
      overrides.push(parse(text, origin));
    } catch (error) {
      if (!isManError(error)) throw error;
      errors.push(error);
    }
    if (overrides.length + errors.length > limits.overrides) throw tooBig('overrides', 'too many', limits.overrides);
  };
  for (const text of texts) {
    if (!text.startsWith('@')) read(text, { kind: 'override', text: shorten(text.trim()) });
    else for (const { line, number } of linesOf(text.slice(1), readText)) read(line, inFile(line, text.slice(1), number));
  }
  if (errors.length > 1) throw badOverrides(errors);
  if (errors[0] !== undefined) throw errors[0];
  return overrides;
}

/** The overrides with the lines of each `@file` in its place, unread. */
export function expandFiles(texts: readonly string[], readText: (path: string) => string): string[] {
  return texts.flatMap((text) => (text.startsWith('@') ? linesOf(text.slice(1), readText).map(({ line }) => line) : [text]));
}

const inFile = (text: string, file: string, line: number): Override['origin'] => ({ kind: 'override', text: shorten(text), file, line });

function linesOf(file: string, readText: (path: string) => string): { line: string; number: number }[] {
  let text: string;
  try {
    text = readText(file);
  } catch (error) {
    if (isManError(error)) throw error;
    throw badOverrideFile(file, `cannot be read: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  if (text.length > limits.characters) throw tooBig(`override file "${file}"`, `${text.length} characters`, limits.characters);
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line, i) => ({ line: withoutComment(line).trim(), number: i + 1 }))
    .filter(({ line }) => line !== '');
  const nested = lines.find(({ line }) => line.startsWith('@'));
  if (nested !== undefined) throw badOverrideFile(file, `line ${nested.number} names another override file, "${nested.line}"`);
  return lines;
}

/** The line up to a # that begins the line or follows a space, outside quotes. */
function withoutComment(line: string): string {
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const next = line[i] as string;
    if (quote !== '') {
      if (next === '\\') i++;
      else if (next === quote) quote = '';
    } else if (next === '"' || next === "'") quote = next;
    else if (next === '#' && (i === 0 || /\s/.test(line[i - 1] as string))) return line.slice(0, i);
  }
  return line;
}
