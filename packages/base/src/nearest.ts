/**
 * The candidates a person may have meant by `word`, nearest first (at most three).
 *
 * @example
 * ```ts
 * nearest('infopor', ['dgl', 'infopro', 'predsim']); // ['infopro']
 * ```
 */
export function nearest(word: string, candidates: readonly string[]): string[] {
  const limit = Math.max(2, Math.floor(word.length / 3));
  const own = word.toLowerCase();
  return candidates
    .map((candidate) => candidate.toLowerCase())
    .map((other, i) => ({
      candidate: candidates[i] as string,
      distance: other.endsWith(`.${own}`) ? 0 : editDistance(own, other),
      // Half of the words of three letters are near each other: cpu, gpu, tpu.
      isLike: own.length > 3 || own.length !== other.length || own[0] === other[0],
    }))
    .filter(({ distance, isLike }) => isLike && distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** Levenshtein distance: insertions, deletions and replacements that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replace, (previous[j] as number) + 1, (row[j - 1] as number) + 1));
    }
    previous = row;
  }
  return previous[b.length] as number;
}
