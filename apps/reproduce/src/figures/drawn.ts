import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { PROFILES } from '../tables/cell.ts';
import { type Spread, spreadOf } from '../tables/measured.ts';
import { spreadText } from '../tables/render.ts';
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
  const curves = new Map<string, Map<string, number[]>>();
  for (const row of rows) {
    const at = (names: readonly string[]) => row.filter((_, i) => names.includes(head[i] ?? '')).join(' ');
    const [method, seed] = [at(['network', 'method']), at(['seed'])];
    const seeds = curves.get(method) ?? new Map<string, number[]>();
    curves.set(method, seeds.set(seed, [...(seeds.get(seed) ?? []), Number(row.at(-1))]));
  }
  const means = [...curves].map(([method, seeds]) => {
    const averages = [...seeds.values()].map((values) => spreadOf(values)?.mean ?? Number.NaN);
    return `${method} ${spreadText(spreadOf(averages) as Spread)}`;
  });
  return [`${name}, ${head.at(-1)}, mean over layers: ${means.join(', ')}.`];
}
