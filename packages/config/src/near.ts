import { nearest } from '@man/base';

/** What people type for a name of ours, as in other programs: `{ lr: 'optim.lr' }`. */
export type Synonyms = Readonly<Record<string, string>>;

/** The name of ours for a key or group, or for the longest beginning of it that has one: `hydra.run.dir` for `{ 'hydra.run': 'run' }`. */
export function meant(word: string, synonyms: Synonyms): string | undefined {
  const parts = word.split(/(?=[./])/);
  for (let length = parts.length; length > 0; length--) {
    const beginning = parts.slice(0, length).join('');
    if (Object.hasOwn(synonyms, beginning)) return `${synonyms[beginning]}${parts.slice(length).join('')}`;
  }
  return undefined;
}

/**
 * The names a person may have meant, nearest first. Unlike `nearest` alone it drops those that differ in a whole word:
 * nobody means `open.x` by `open.z`, or the section `open` itself.
 */
export function near(word: string, candidates: readonly string[]): string[] {
  // The distance costs a step for each pair of characters; names are short, texts that are not names may not be.
  const characters = candidates.reduce((sum, candidate) => sum + candidate.length, 0);
  if (word.length > 200 || word.length * characters > 2_000_000) return [];
  return nearest(word, candidates).filter((candidate) => !word.startsWith(`${candidate}.`) && sharesSome(word, candidate));
}

function sharesSome(word: string, candidate: string): boolean {
  const [a, b] = [word.toLowerCase(), candidate.toLowerCase()];
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a[start] === b[start]) start++;
  let end = 0;
  while (end < shorter - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const differs = (text: string) => text.slice(start, text.length - end);
  return differs(a) !== lastWord(a) || differs(b) !== lastWord(b);
}

const lastWord = (path: string): string => path.slice(Math.max(path.lastIndexOf('.'), path.lastIndexOf('/')) + 1);
