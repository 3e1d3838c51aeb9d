import { formatValue } from '@man/base';
import { meant, near as nameLike, type Synonyms } from './near.ts';
import type { Override } from './override.ts';
import type { ConfigProblem } from './problem.ts';
import { find, keyPaths, type ListNode, type MapNode, merge, replace, toNode, toValue } from './tree.ts';
import { canonical } from './value.ts';

/** What overrides may count on besides the composed tree. */
export interface Known {
  /** The defaults of the schema as a tree. */
  readonly defaults: MapNode;
  /** Whether the schema takes a key that it does not name: inside a property that holds any map. */
  readonly isOpen: (path: readonly string[]) => boolean;
  readonly groups: readonly string[];
  readonly synonyms: Synonyms;
}

/**
 * Applies overrides of values in the order they were typed. Those that cannot be applied are left out and become problems.
 *
 * `set` needs a key of the files or of the schema; a map merges into a map.
 */
export function applyOverrides(
  tree: MapNode,
  overrides: readonly Override[],
  known: Known,
): { readonly tree: MapNode; readonly problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  let result = tree;
  for (const override of overrides) {
    const next = apply(result, override, known);
    if ('kind' in next && next.kind === 'map') result = next;
    else problems.push(next as ConfigProblem);
  }
  return { tree: result, problems };
}

/** The tree with every override applied that could be, unknown keys included: what a schema may be chosen by. */
export function applyLeniently(tree: MapNode, overrides: readonly Override[]): MapNode {
  return overrides.reduce((result, override) => {
    if (override.action === 'delete') return replace(result, override.key.split('.'), undefined);
    return override.action === 'append' ? result : put(result, override);
  }, tree);
}

function apply(tree: MapNode, override: Override, known: Known): MapNode | ConfigProblem {
  const path = override.key.split('.');
  const present = find(tree, path);
  switch (override.action) {
    case 'force':
      return put(tree, override);
    case 'set':
      return present !== undefined || find(known.defaults, path) !== undefined ? put(tree, override) : unknownKey(tree, override, known);
    case 'add':
      return present === undefined ? put(tree, override) : alreadySet(override, present.kind === 'map');
    case 'delete':
      return remove(tree, override, known);
    case 'append':
      return append(tree, override, known);
  }
}

function put(tree: MapNode, { key, value, origin }: Override): MapNode {
  const path = key.split('.');
  return replace(tree, path, merge(find(tree, path), toNode(value, origin)));
}

function remove(tree: MapNode, override: Override, known: Known): MapNode | ConfigProblem {
  const { key, value, text } = override;
  const path = key.split('.');
  const present = find(tree, path);
  if (present === undefined) {
    const unset = find(known.defaults, path) !== undefined;
    const why = unset ? `no file or override sets "${key}": it has the default of the schema` : `there is no key "${key}" to delete`;
    return problem(override, why, unset ? [] : nearKeys(tree, override, known), undefined);
  }
  const typedValue = text.includes('=');
  if (typedValue && canonical(toValue(present)) !== canonical(value)) {
    return problem(override, `expected the value ${formatValue(value)}, but it is ${formatValue(toValue(present))}`, [], `~${key}`);
  }
  return replace(tree, path, undefined);
}

function append(tree: MapNode, override: Override, known: Known): MapNode | ConfigProblem {
  const { key, value, origin } = override;
  const path = key.split('.');
  const present = find(tree, path) ?? find(known.defaults, path);
  if (present === undefined) return unknownKey(tree, override, known);
  if (present.kind !== 'list') {
    return problem(
      override,
      `expected a list to append to, but it is ${formatValue(toValue(present))}`,
      [],
      `${key}=${formatValue(value)}`,
    );
  }
  const items = [...present.items, ...(toNode(value, origin) as ListNode).items];
  return replace(tree, path, { kind: 'list', items, origin });
}

function alreadySet(override: Override, isSection: boolean): ConfigProblem {
  const what = isSection ? 'is a section that exists already' : 'is set already';
  return problem(override, `"+" adds a key, but "${override.key}" ${what}`, [], `${override.key}=${override.word}`);
}

function unknownKey(tree: MapNode, override: Override, known: Known): ConfigProblem {
  const { key, word = '' } = override;
  const near = nearKeys(tree, override, known);
  const added = `+${key}=${word}`;
  const isOpen = known.isOpen(key.split('.'));
  const more = isOpen ? ` to set; to add it type ${added}` : near.length > 0 ? '' : keysBeside(key, known.defaults);
  const fix = near[0] === undefined ? (isOpen ? added : undefined) : `${near[0]}${override.action === 'append' ? '+=' : '='}${word}`;
  return { ...problem(override, `there is no key "${key}"${more}`, near, fix), kind: 'unknown-key' };
}

/** The keys of the section that a key would be in. */
function keysBeside(key: string, defaults: MapNode): string {
  const path = key.split('.').slice(0, -1);
  const section = find(defaults, path);
  if (section?.kind !== 'map') return '';
  return `; keys ${path.length === 0 ? 'at the top' : `in "${path.join('.')}"`} are: ${[...section.entries.keys()].join(', ') || 'none'}`;
}

function nearKeys(tree: MapNode, { key }: Override, { defaults, groups, synonyms }: Known): string[] {
  const candidates = [...new Set([...keyPaths(defaults), ...keyPaths(tree), ...(key.includes('.') ? [] : groups)])];
  const other = meant(key, synonyms);
  if (other === undefined) return nameLike(key, candidates);
  return candidates.includes(other) || groups.includes(other) ? [other] : nameLike(other, candidates);
}

function problem({ key, origin }: Override, message: string, near: readonly string[], fix: string | undefined): ConfigProblem {
  return { kind: 'override', key, message, origin, near, fix };
}
