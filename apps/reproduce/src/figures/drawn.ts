import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { PROFILES } from '../tables/cell.ts';
import { spreadOf } from '../tables/measured.ts';
import { FIGURES } from './figure.ts';

/** A drawing, and the table it was made from. */
export interface Drawing {
  readonly name: string;
  readonly file: string;
  readonly data: string | null;
}

/** Drawings `figure-<n>.svg`, or `figure-<n>/<profile>/figure.svg` as `figure` leaves them. */
export function figuresIn(folder: string): readonly Drawing[] {
  const files = FIGURES.flatMap((number) => {
    const own = PROFILES.map((profile) => `figure-${number}/${profile}/figure.svg`);
    return [`figure-${number}.svg`, ...own].map((file) => ({ name: `Figure ${number}`, file: join(folder, file) }));
  });
  return files
    .filter(({ file }) => existsSync(file))
    .map(({ name, file }) => {
      const data = file.replace(/svg$/, 'csv');
      return { name, file, data: existsSync(data) ? data : null };
    });
}

/** A picture on a Markdown page. */
export function figureText({ name, file, data }: Drawing, beside: string): string {
  const table = data === null ? '' : `\n\n${name}, [as data](${relative(beside, data)})`;
  return `![${name}](${relative(beside, file)})${table}`;
}

/** What the curves over layers are on average, which the paper draws and does not print. */
export function figureFinding({ name, data }: Drawing): readonly string[] {
  if (data === null || !['Figure 6', 'Figure 7'].includes(name)) return [];
  const [head = [], ...rows] = readFileSync(data, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));
  const methods = new Map<string, number[]>();
  for (const row of rows) {
    const key = head
      .map((column, i) => (['network', 'method'].includes(column) ? row[i] : ''))
      .join(' ')
      .trim();
    methods.set(key, [...(methods.get(key) ?? []), Number(row.at(-1))]);
  }
  const means = [...methods].map(
    ([key, values]) => `${key} ${(spreadOf(values)?.mean ?? Number.NaN).toFixed(name === 'Figure 6' ? 1 : 2)}`,
  );
  return [`${name}, ${head.at(-1)}, mean over layers: ${means.join(', ')}.`];
}
