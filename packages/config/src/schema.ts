import { badSchema } from './errors.ts';
import type { Format } from './format.ts';
import { checkKey } from './key.ts';
import { emptyMap, type MapNode, type Node, toNode } from './tree.ts';
import { type ConfigValue, describeValue, formatValue, isMap } from './value.ts';

/** What the `format` of a property may be: a {@link Format}, a list of values, or a format of convict, which is then checked strictly. */
export type PropertyFormat =
  | Format<unknown>
  | readonly ConfigValue[]
  | ((value: never) => void)
  | ConvictFormat
  | StringConstructor
  | NumberConstructor
  | BooleanConstructor
  | ObjectConstructor
  | ArrayConstructor;

type ConvictFormat = '*' | 'int' | 'integer' | 'nat' | 'port' | 'String' | 'Number' | 'Boolean' | 'Object' | 'Array';

/** One key of a schema: a convict property. */
export interface Property {
  /** The value when nothing sets the key; null makes the key required, unless null passes. */
  readonly default: ConfigValue;
  /** What values pass; the kind of the default when absent. */
  readonly format?: PropertyFormat;
  /** One sentence for the help. */
  readonly doc?: string;
  /** Whether null passes as well. */
  readonly nullable?: boolean;
}

/** A convict schema: properties, and sections of them. A node is a property exactly when it has a `default`. */
export interface ConfigSchema {
  readonly [key: string]: Property | ConfigSchema;
}

/** The type of the configuration that a schema describes. */
export type ConfigOf<S> = S extends { readonly default: unknown } ? PropertyValue<S> : { readonly [K in keyof S]: ConfigOf<S[K]> };

type PropertyValue<P extends { readonly default: unknown }> =
  | (P extends { readonly format: infer F } ? FormatValue<F, P['default']> : Widened<P['default']>)
  | (P extends { readonly nullable: true } ? null : never);

type FormatValue<F, D> =
  F extends Format<infer T>
    ? T
    : F extends readonly (infer E)[]
      ? E
      : F extends 'int' | 'integer' | 'nat' | 'port' | 'Number' | NumberConstructor
        ? number
        : F extends 'String' | StringConstructor
          ? string
          : F extends 'Boolean' | BooleanConstructor
            ? boolean
            : F extends 'Object' | ObjectConstructor
              ? { readonly [key: string]: ConfigValue }
              : F extends 'Array' | ArrayConstructor
                ? readonly ConfigValue[]
                : Widened<D>;

type Widened<D> = D extends string
  ? string
  : D extends number
    ? number
    : D extends boolean
      ? boolean
      : D extends readonly (infer E)[]
        ? readonly Widened<E>[]
        : ConfigValue;

/**
 * A schema with its exact type, from which {@link ConfigOf} reads the type of the configuration.
 *
 * @example
 * ```ts
 * import { type ConfigOf, defineSchema, positiveNumber, unitInterval } from '@man/config';
 *
 * export const sgdSchema = defineSchema({
 *   lr: { doc: 'Learning rate.', default: 0.1, format: positiveNumber },
 *   momentum: { doc: 'Of the velocity.', default: 0.9, format: unitInterval },
 * });
 * export type SgdOptions = ConfigOf<typeof sgdSchema>; // { readonly lr: number; readonly momentum: number }
 * ```
 */
export function defineSchema<const S extends ConfigSchema>(schema: S): S {
  return schema;
}

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
  throw badSchema(
    place,
    `there is no schema for ${describeValue(name)}; there are schemas for: ${Object.keys(table).join(', ')}`,
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
    return [
      { key: inner.join('.'), doc: node.doc ?? '', expects: expectationOf(node), default: structuredClone(node.default) as ConfigValue },
    ];
  });
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
