import { type ConfigSchema, type ConfigValue, formatValue, type OneOf, type Property, type PropertyFormat, truth } from '@man/base';
import { badSchema } from './errors.ts';
import { checkKey } from './key.ts';
import { emptyMap, type MapNode, type Node, toNode } from './tree.ts';
import { describeValue, isMap } from './value.ts';

/**
 * The sub-schema for an option, from a table with one for each.
 *
 * @param place what the table is for, in messages: the group
 * @param name the chosen option (`choices.loss`), or the value that names it (`raw.loss.type`)
 * @throws `MAN_CONFIG_SCHEMA` when the table has none of this name
 */
export function chooseSchema<const T extends ConfigSchema>(
  place: string,
  name: unknown,
  table: { readonly [N in keyof T]: T[N] },
): T[keyof T] {
  if (typeof name === 'string' && Object.hasOwn(table, name)) return table[name as keyof T];
  const names = Object.keys(table).join(', ');
  if (name === undefined || name === null)
    throw badSchema(place, `one of these is needed: ${names}`, `keep a choice of the group "${place.split('.')[0]}"`);
  throw badSchema(
    place,
    `there is no schema for ${describeValue(name)}; there are schemas for: ${names}`,
    `choose one of these: ${place}=${Object.keys(table)[0] ?? 'option'}; a new option needs a schema in the program`,
  );
}

/** What a schema says of one key. */
export interface PropertyInfo {
  readonly key: string;
  readonly doc: string;
  /** What passes, in words. */
  readonly expects: string;
  readonly default: ConfigValue;
  /** Where few values pass: all of them, null among them. For completion. */
  readonly values: readonly ConfigValue[] | null;
}

/** Whether a node of a schema is a property. */
export function isProperty(node: unknown): node is Property {
  return isMap(node) && 'default' in node;
}

/**
 * Refuses what is not a convict schema, and the parts of convict that read values from elsewhere.
 *
 * @throws `MAN_CONFIG_SCHEMA`, `MAN_CONFIG_KEY`
 */
export function checkSchema(schema: unknown, path: readonly string[] = []): asserts schema is ConfigSchema {
  const at = path.join('.') || '(top)';
  if (!isMap(schema)) {
    throw badSchema(
      at,
      `expected a section or a property, got ${String(schema)}`,
      'write { default: value, format, doc } for a property, {} for a section without keys',
    );
  }
  if (path.length === 0 && isProperty(schema)) throw badSchema(at, 'a property cannot be the whole schema', 'put it under a key');
  for (const [key, node] of Object.entries(schema)) {
    checkKey(`schema at "${at}"`, key);
    if (path.length === 0 && key === 'defaults') throw badSchema(key, 'this key is the defaults list of a file', 'choose another name');
    const inner = [...path, key];
    if (isProperty(node)) checkProperty(node, inner.join('.'));
    else checkSchema(node, inner);
  }
}

function checkProperty(property: Property, at: string): void {
  for (const key of Object.keys(property)) {
    if (key === 'env' || key === 'arg' || key === 'sensitive') {
      throw badSchema(
        at,
        `"${key}" is not supported`,
        `values come from files and overrides; use \${env:NAME} for the environment, and keep secrets out of configurations`,
      );
    }
  }
}

/** The defaults of a schema as a tree. */
export function defaultsTree(schema: ConfigSchema): MapNode {
  const entries = Object.entries(schema).map(([key, node]): [string, Node] => [
    key,
    isProperty(node) ? toNode(node.default, { kind: 'schema' }) : defaultsTree(node),
  ]);
  return { ...emptyMap({ kind: 'schema' }), entries: new Map(entries) };
}

/** Whether a path leads into a property, where the schema does not know the keys. */
export function isOpenIn(schema: ConfigSchema, path: readonly string[]): boolean {
  let node: Property | ConfigSchema | undefined = schema;
  for (const key of path) {
    if (isProperty(node)) return isMap(node.default) || node.format === Object || node.format === 'Object';
    node = Object.hasOwn(node, key) ? (node[key] as Property | ConfigSchema) : undefined;
    if (node === undefined) return false;
  }
  return false;
}

/** What a schema says of each of its keys, for help pages and for a test that freezes them. */
export function describeSchema(schema: ConfigSchema, path: readonly string[] = []): PropertyInfo[] {
  return Object.entries(schema).flatMap(([key, node]) => {
    const inner = [...path, key];
    if (!isProperty(node)) return describeSchema(node, inner);
    const about = { doc: node.doc ?? '', expects: expectationOf(node), values: valuesOf(node) };
    return [{ key: inner.join('.'), ...about, default: structuredClone(node.default) as ConfigValue }];
  });
}

/** The values of a property that takes only a few; null for any other. */
export function valuesOf({ format, default: value, nullable }: Property): readonly ConfigValue[] | null {
  const isTruth = format === truth || format === Boolean || format === 'Boolean' || (format === undefined && typeof value === 'boolean');
  const listed = Array.isArray(format) ? format : typeof format === 'function' ? (format as Partial<OneOf<ConfigValue>>).values : undefined;
  const values = isTruth ? [true, false] : listed;
  // Object is a function with a member `values`, too.
  return Array.isArray(values) ? [...values, ...(nullable === true ? [null] : [])] : null;
}

const expectations: Readonly<Record<string, string>> = {
  '*': 'any value',
  int: 'a whole number',
  integer: 'a whole number',
  nat: 'a whole number, 0 or more',
  port: 'a whole number from 0 to 65535',
  String: 'a text',
  Number: 'a number',
  Boolean: 'true or false',
  Object: 'a map',
  Array: 'a list',
};

/** What a property takes, in words that fit after "expected". */
export function expectationOf({ format, default: value, nullable }: Property): string {
  const or = nullable === true ? ', or null' : '';
  if (Array.isArray(format)) return `one of ${format.map(formatValue).join(', ')}${or}`;
  const name = format === undefined ? kindOf(value) : nameOf(format);
  if (typeof format === 'function' && 'expects' in format) return `${format.expects}${or}`;
  return `${expectations[name] ?? `a value that passes "${name || 'its check'}"`}${or}`;
}

/** The convict name of a format. */
export function nameOf(format: PropertyFormat): string {
  return typeof format === 'string' ? format : ((format as { readonly name?: string }).name ?? '');
}

/** The convict name for values like this one; `*` for null, which says nothing. */
export function kindOf(value: ConfigValue): string {
  if (value === null) return '*';
  if (Array.isArray(value)) return 'Array';
  return { string: 'String', number: 'Number', boolean: 'Boolean', object: 'Object' }[typeof value as 'string'] ?? '*';
}
