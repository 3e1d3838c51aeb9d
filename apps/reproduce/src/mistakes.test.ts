/** Mistakes of the fingers, in every key and every name of an option: what was meant must be among what the message suggests. */
import { createRng, isManError } from '@man/base';
import { describe, expect, it } from 'vitest';
import { loadTrainConfig } from './configuration.ts';
import { SYNONYMS } from './synonyms.ts';

const { properties, groups } = loadTrainConfig([]);
const rng = createRng(6);

/** Words as they come out of fingers in a hurry: a letter left out, twice, in place of another, changed places; another case. */
function mistyped(word: string): string[] {
  const at = 1 + rng.integer(word.length - 2);
  const [before, letter, after] = [word.slice(0, at), word[at] as string, word.slice(at + 1)];
  const swapped = word.slice(0, at - 1) + letter + word[at - 1] + after;
  const all = [before + after, before + letter + letter + after, `${before}j${after}`, swapped, word.toUpperCase()];
  return all.filter((other) => other !== word && !other.includes('..'));
}

function refusal(override: string): string {
  try {
    loadTrainConfig([override]);
  } catch (error) {
    if (isManError(error)) return error.describe();
    throw error;
  }
  return '';
}

describe('a typed mistake', () => {
  const keys = properties.map(({ key }) => key).filter((key) => !key.endsWith('.type') && key.length > 3);
  it.each(keys.flatMap((key) => mistyped(key).map((word) => [word, key])))('%s: suggests %s', (word, key) => {
    const text = refusal(`${word}=1`);
    expect(text).toContain(`"${key}"`);
    expect(text).toMatch(/type: \S+=/);
  });

  // `budget` is of comparisons.
  const options = [...groups]
    .filter(([group]) => group !== 'budget')
    .flatMap(([group, names]) => names.map((name) => [group, name] as const));
  const known = new Set(options.map(([group, name]) => `${group}=${name}`));
  const wrong = options.flatMap(([group, name]) => mistyped(name).map((word) => [`${group}=${word}`, name] as const));
  it.each(wrong.filter(([override]) => !known.has(override)))('%s: suggests %s', (override, name) => {
    expect(refusal(override)).toContain(name);
  });

  it.each(Object.entries(SYNONYMS))('%s: suggests %s, which is there', (word, meant) => {
    const isOption = word.includes('=');
    const text = refusal(isOption ? word : `${word}=1`);
    if (text === '') return expect(word).toBe('plugin=null');
    expect(text).toContain(meant);
    const names = [...properties.map(({ key }) => key), ...groups.keys(), ...[...groups.values()].flat()];
    expect(names.some((name) => name === meant || name.startsWith(`${meant}.`))).toBe(true);
  });
});
