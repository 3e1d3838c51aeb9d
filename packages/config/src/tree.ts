import type { ConfigValue } from '@man/base';
import type { Origin } from './origin.ts';
import { isMap } from './value.ts';

/** A configuration under construction: values that remember where they were set. */
export type Node = MapNode | ListNode | ScalarNode;
/** A map of nodes in the order of the file. */
export interface MapNode {
  readonly kind: 'map';
  readonly entries: Map<string, Node>;
  readonly origin: Origin;
}
/** A list of nodes. */
export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly Node[];
  readonly origin: Origin;
}
/** A leaf. */
export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: null | boolean | number | string;
  readonly origin: Origin;
}

/** An empty map. */
export function emptyMap(origin: Origin): MapNode {
  return { kind: 'map', entries: new Map(), origin };
}

/** A plain value as nodes that all have one origin. */
export function toNode(value: unknown, origin: Origin): Node {
  if (Array.isArray(value)) return { kind: 'list', items: value.map((item) => toNode(item, origin)), origin };
  if (isMap(value)) {
    return { kind: 'map', entries: new Map(Object.entries(value).map(([key, inner]) => [key, toNode(inner, origin)])), origin };
  }
  return { kind: 'scalar', value: value as ScalarNode['value'], origin };
}

/** The plain value of a node. */
export function toValue(node: Node): ConfigValue {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(toValue);
  return Object.fromEntries([...node.entries].map(([key, inner]) => [key, toValue(inner)]));
}

/** `above` laid over `below`: maps merge key by key, everything else replaces. Neither is changed. */
export function merge(below: Node | undefined, above: Node): Node {
  if (below?.kind !== 'map' || above.kind !== 'map') return above;
  const entries = new Map(below.entries);
  for (const [key, inner] of above.entries) entries.set(key, merge(entries.get(key), inner));
  return { kind: 'map', entries, origin: above.origin };
}

/** `node` at the end of a path of keys. */
export function wrap(path: readonly string[], node: Node): Node {
  return path.reduceRight<Node>((inner, key) => ({ kind: 'map', entries: new Map([[key, inner]]), origin: inner.origin }), node);
}

/** The node at a path; undefined when there is none. List items are addressed by their number. */
export function find(root: Node, path: readonly string[]): Node | undefined {
  let node: Node | undefined = root;
  for (const key of path) {
    if (node?.kind === 'map') node = node.entries.get(key);
    else if (node?.kind === 'list' && /^\d+$/.test(key)) node = node.items[Number(key)];
    else return undefined;
  }
  return node;
}

/** A tree with `node` (or nothing, when undefined) in place of whatever was at `path`; maps on the way are made. */
export function replace(root: MapNode, path: readonly string[], node: Node | undefined): MapNode {
  const [key, ...rest] = path as readonly [string, ...string[]];
  const entries = new Map(root.entries);
  if (rest.length === 0) {
    if (node === undefined) entries.delete(key);
    else entries.set(key, node);
    return { ...root, entries };
  }
  const inner = entries.get(key);
  const below = inner?.kind === 'map' ? inner : node === undefined ? undefined : emptyMap(node.origin);
  if (below !== undefined) entries.set(key, replace(below, rest, node));
  return { ...root, entries };
}

/** Every leaf with its key path: scalars, lists (as one leaf) and empty maps. */
export function leaves(root: Node, prefix = ''): { readonly key: string; readonly node: Node }[] {
  if (root.kind !== 'map') return [{ key: prefix, node: root }];
  if (root.entries.size === 0) return prefix === '' ? [] : [{ key: prefix, node: root }];
  return [...root.entries].flatMap(([key, inner]) => leaves(inner, prefix === '' ? key : `${prefix}.${key}`));
}

/** Every key path of a tree, sections included. */
export function keyPaths(root: Node, prefix = ''): string[] {
  if (root.kind !== 'map') return [];
  return [...root.entries].flatMap(([key, inner]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    return [path, ...keyPaths(inner, path)];
  });
}
