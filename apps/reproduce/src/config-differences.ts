import { parse } from 'yaml';

/** A key whose value is not the same in all configurations; null where one does not have it. */
export interface Difference {
  readonly key: string;
  readonly values: readonly (string | null)[];
}

/** Keys that say where a run is and what it is called: they always differ, and mean nothing. */
const PLACES = /^run\./;

/** Keys that say how a run is run, and change no result of interest. */
const HOW = /^(data|engine|threads|profile|checkpoint)\b/;

/** What runs differ in that ought to have the same result. */
export function resultDifferences(configurations: readonly string[]): readonly Difference[] {
  return differences(configurations).filter(({ key }) => !HOW.test(key));
}

/**
 * What configurations differ in, by dotted key.
 *
 * @param configurations texts of `config.yaml`, null for a run without
 */
export function differences(configurations: readonly (string | null)[]): readonly Difference[] {
  const flat = configurations.map((text) => (text === null ? new Map<string, string>() : flatten(read(text))));
  const keys = [...new Set(flat.flatMap((each) => [...each.keys()]))].filter((key) => !PLACES.test(key));
  return keys
    .map((key) => ({ key, values: flat.map((each) => each.get(key) ?? null) }))
    .filter(({ values }) => values.some((value) => value !== values[0]))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** A file that is no YAML is taken as having no values: a report about the others is still worth having. */
function read(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch {
    return {};
  }
}

function flatten(value: unknown, prefix = ''): Map<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Map([[prefix, shown(value)]]);
  return new Map(Object.entries(value).flatMap(([key, inner]) => [...flatten(inner, prefix === '' ? key : `${prefix}.${key}`)]));
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
