import type { ConfigProblem } from './problem.ts';
import { find, type MapNode } from './tree.ts';
import { isMap } from './value.ts';

/** What a rule says against a configuration. */
export interface RuleProblem {
  /** Key path that should change. */
  readonly key: string;
  /** What was expected and what came. */
  readonly message: string;
  /** What to type, e.g. `partition.blocks=16`. */
  readonly fix?: string;
}

/** A rule over several keys; returns what is wrong, an empty list when nothing is. */
export type Rule<T> = (config: T) => readonly RuleProblem[];

/**
 * Judges rules over a configuration, of which some keys may be bad. A rule that reads a bad key is not judged: it could
 * only complain about a value that nobody chose.
 */
export function judgeRules<T>(rules: readonly Rule<T>[], values: unknown, bad: ReadonlySet<string>, tree: MapNode): ConfigProblem[] {
  return rules.flatMap((rule) => {
    let touched = false;
    const config =
      bad.size === 0
        ? values
        : watch(values, '', (key) => {
            if (bad.has(key)) touched = true;
          });
    let found: readonly RuleProblem[] = [];
    try {
      found = rule(config as T);
    } catch (error) {
      if (!touched) throw error;
    }
    if (touched) return [];
    return found.map(({ key, message, fix }) => {
      const origin = find(tree, key.split('.'))?.origin;
      return { kind: 'rule', key, message, origin, near: [], fix } as const;
    });
  });
}

/** The same values, telling which key paths are read. */
function watch(value: unknown, path: string, onRead: (key: string) => void): unknown {
  if (!isMap(value)) return value;
  return new Proxy(value, {
    get(target, name) {
      if (typeof name !== 'string') return Reflect.get(target, name);
      const key = path === '' ? name : `${path}.${name}`;
      onRead(key);
      return watch(Reflect.get(target, name), key, onRead);
    },
  });
}
