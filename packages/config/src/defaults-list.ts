import { checkName } from './config-source.ts';
import { badDefaults } from './errors.ts';
import { describeOrigin, type Origin } from './origin.ts';
import type { Node, ScalarNode } from './tree.ts';

/** One entry of a defaults list, read. */
export type DefaultsEntry =
  | { readonly kind: 'self'; readonly origin: Origin }
  | { readonly kind: 'file'; readonly path: string; readonly origin: Origin }
  | GroupEntry;

/** `group: option`, and with `override` or `optional` before the group. */
export interface GroupEntry {
  readonly kind: 'group';
  /** Path of the group from the top of the configuration. */
  readonly group: string;
  readonly choice: Choice;
  readonly override: boolean;
  readonly optional: boolean;
  readonly origin: Origin;
}

/** The option chosen for a group: its name, several names (composed in this order), or null for none. */
export type Choice = string | readonly string[] | null;

interface Folders {
  readonly files: string;
  readonly groups: string;
}

/**
 * Reads a defaults list. `_self_` comes last when it is not in the list.
 *
 * @param from the folders below which names without a leading `/` are looked for; `''` is the top
 * @throws `MAN_CONFIG_DEFAULTS`, `MAN_CONFIG_NAME`
 */
export function readDefaults(list: Node | undefined, from: Folders, self: Origin): DefaultsEntry[] {
  if (list === undefined || (list.kind === 'scalar' && list.value === null)) return [{ kind: 'self', origin: self }];
  if (list.kind !== 'list') {
    throw badDefaults(list.origin, `expected a list of defaults, got a ${list.kind}`, 'write each entry on a line: "- group: option"');
  }
  const entries = list.items.map((item) => readEntry(item, from));
  const selves = entries.filter(({ kind }) => kind === 'self');
  if (selves[1] !== undefined) throw badDefaults(selves[1].origin, '"_self_" comes twice', 'keep one of them');
  return selves.length === 0 ? [...entries, { kind: 'self', origin: self }] : entries;
}

const form =
  'entries are "group: option", "group: [a, b]", "group: null", "override group: option", "optional group: option", "_self_" and "file"';

function readEntry(item: Node, from: Folders): DefaultsEntry {
  if (item.kind === 'scalar' && typeof item.value === 'string') {
    if (item.value === '_self_') return { kind: 'self', origin: item.origin };
    return { kind: 'file', path: `${resolve(from.files, item.value, item.origin)}.yaml`, origin: item.origin };
  }
  const pair = item.kind === 'map' && item.entries.size === 1 ? [...item.entries][0] : undefined;
  if (pair === undefined) throw badDefaults(item.origin, 'this entry of the defaults list cannot be read', form);
  return readGroup(pair[0], pair[1], from.groups);
}

function readGroup(key: string, value: Node, folder: string): GroupEntry {
  const words = key.split(/\s+/).filter((word) => word !== '');
  const name = words.pop() ?? '';
  const flags = new Set(words);
  const origin = value.origin;
  for (const flag of flags) {
    if (flag !== 'override' && flag !== 'optional') throw badDefaults(origin, `unknown word "${flag}" before group "${name}"`, form);
  }
  if (name.includes('@')) throw badDefaults(origin, `"${name}": moving a group with "@" is not supported`, 'name the group alone');
  return {
    kind: 'group',
    group: resolve(folder, name, origin),
    choice: readChoice(value),
    override: flags.has('override'),
    optional: flags.has('optional'),
    origin,
  };
}

function readChoice(value: Node): Choice {
  if (value.kind === 'list') return value.items.map((item) => optionName(item));
  return value.kind === 'scalar' && value.value === null ? null : optionName(value);
}

function optionName(node: Node): string {
  const { value } = node as ScalarNode;
  if (node.kind !== 'scalar' || value === null || typeof value === 'boolean') {
    throw badDefaults(node.origin, 'expected the name of an option', form);
  }
  const name = String(value);
  if (name.includes('${')) throw badDefaults(node.origin, `"${name}": a name cannot be interpolated`, 'write the name of the option');
  const bare = name.endsWith('.yaml') ? name.slice(0, -'.yaml'.length) : name;
  checkName(describeOrigin(node.origin), bare);
  return bare;
}

/** A path from the top of the configuration; one that begins with `/` is already. */
function resolve(folder: string, name: string, origin: Origin): string {
  const path = name.startsWith('/') ? name.slice(1) : folder === '' ? name : `${folder}/${name}`;
  checkName(describeOrigin(origin), path);
  return path;
}
