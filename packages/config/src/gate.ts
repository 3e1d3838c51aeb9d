import { type ConfigSchema, type ConfigValue, formatValue, type Property, type PropertyFormat } from '@man/base';
import convict from 'convict';
import { badSchema } from './errors.ts';
import { near as nameLike } from './near.ts';
import type { ConfigProblem } from './problem.ts';
import { expectationOf, isProperty, kindOf, nameOf, valuesOf } from './schema.ts';
import { emptyMap, type MapNode, type Node, toValue } from './tree.ts';
import { describeValue, isMap } from './value.ts';

/** What came through the gate. */
export interface Gated {
  /** The values as convict holds them; keys with a problem have their default. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly problems: readonly ConfigProblem[];
}

/**
 * Checks a resolved tree against a schema with convict, strictly: unknown keys are refused and nothing is coerced.
 *
 * @param skip keys that could not be resolved, of which nothing can be said
 * @throws `MAN_CONFIG_SCHEMA` when convict refuses the schema
 */
export function passGate(schema: ConfigSchema, tree: MapNode, skip: ReadonlySet<string>): Gated {
  const gate = new Gate(skip);
  const section = gate.section(schema, tree, []);
  const config = buildConvict(section.schema);
  try {
    config.load(section.values);
    config.validate({ allowed: 'strict' });
  } catch (error) {
    gate.addOthers(error);
  }
  if (gate.problems.length === 0 && skip.size === 0) return { values: config.getProperties(), problems: [] };
  const bad = new Set([...skip, ...gate.problems.map(({ key }) => key)]);
  return { values: withDefaults(schema, section.values, bad, []), problems: gate.problems };
}

const strict = 'man-strict';

/** A property as convict is given it; convict hands it back to the format, with the check of this one key. */
interface StrictProperty {
  readonly default: unknown;
  readonly format: unknown;
  readonly nullable: boolean;
  readonly check?: (value: unknown) => void;
}
interface Section {
  readonly schema: Record<string, unknown>;
  readonly values: Record<string, unknown>;
}

function buildConvict(schema: Record<string, unknown>): convict.Config<Record<string, unknown>> {
  // Convict turns texts into numbers, lists and truth values by the name of a format. It knows nothing of this one, so
  // every value reaches its check as it was typed.
  convict.addFormat({ name: strict, validate: (value: unknown, property: unknown) => (property as StrictProperty).check?.(value) });
  try {
    return convict(schema as convict.Schema<Record<string, unknown>>, { env: {}, args: [] });
  } catch (error) {
    throw badSchema('(top)', (error as Error).message, 'correct the schema; it must be a convict schema', error);
  }
}

class Gate {
  readonly problems: ConfigProblem[] = [];
  private readonly nodes = new Map<string, Node>();
  private readonly skip: ReadonlySet<string>;
  constructor(skip: ReadonlySet<string>) {
    this.skip = skip;
  }

  /** A section of the schema in the form that convict checks strictly, with the values for it. */
  section(schema: ConfigSchema, tree: MapNode, path: readonly string[]): Section {
    this.refuseUnknown(schema, tree, path);
    const result: Section = { schema: {}, values: {} };
    for (const [name, node] of Object.entries(schema)) {
      const inner = [...path, name];
      const given = tree.entries.get(name);
      if (given !== undefined) this.nodes.set(inner.join('.'), given);
      if (isProperty(node)) this.property(node, given, inner, result);
      else this.subsection(node, given, inner, result);
    }
    return result;
  }

  /** Re-issues what convict says beyond the checks of this gate: formats that the program added to convict itself. */
  addOthers(error: unknown): void {
    const seen = new Set(this.problems.map(({ key }) => key));
    for (const line of (error as Error).message.split('\n')) {
      const [, key, message] = /^([\p{L}\p{N}_.-]+): (.*)$/u.exec(line) ?? [undefined, '(configuration)', line];
      if (seen.has(key as string) || this.isSkipped(key as string)) continue;
      const origin = this.nodes.get(key as string)?.origin;
      this.problems.push({ kind: 'wrong-value', key: key as string, message: message as string, origin, near: [], fix: undefined });
    }
  }

  /** Whether the key, or a section it is in, could not be resolved. */
  private isSkipped(key: string): boolean {
    return key.split('.').some((_, i, names) => this.skip.has(names.slice(0, i + 1).join('.')));
  }

  private subsection(schema: ConfigSchema, given: Node | undefined, path: readonly string[], into: Section): void {
    const name = path.at(-1) as string;
    const key = path.join('.');
    const map = given === undefined ? emptyMap({ kind: 'schema' }) : given;
    if (map.kind !== 'map') {
      const names = Object.keys(schema).join(', ') || 'none';
      const message = `expected a section with the keys ${names}; got ${describeValue(toValue(map))}`;
      this.problems.push({ kind: 'wrong-value', key, message, origin: map.origin, near: [], fix: undoing(key, map) });
    }
    const inner = this.section(schema, map.kind === 'map' ? map : emptyMap(map.origin), path);
    // Convict takes an empty section for a property with a map in it.
    into.schema[name] = Object.keys(schema).length === 0 ? { default: {}, format: Object } : inner.schema;
    into.values[name] = inner.values;
  }

  private property(property: Property, given: Node | undefined, path: readonly string[], into: Section): void {
    const name = path.at(-1) as string;
    const key = path.join('.');
    const value = given === undefined ? property.default : toValue(given);
    const check = checkOf(property);
    const judge = (candidate: unknown) => this.judge(property, key, candidate, check ?? (() => {}));
    if (isMap(value)) {
      // Convict can hold a map only in a property of its own format for maps, so the check runs beside it.
      try {
        judge(value);
      } catch {
        // Already among the problems.
      }
      into.schema[name] = { default: value, format: Object };
    } else {
      const format = check === undefined ? property.format : strict;
      into.schema[name] = {
        default: isMap(property.default) ? null : property.default,
        format,
        nullable: property.nullable === true,
        check: judge,
      };
    }
    into.values[name] = value;
  }

  /** Runs a check and keeps what it says as a problem; throws on, so that convict refuses the value too. */
  private judge(property: Property, key: string, value: unknown, check: (value: unknown) => void): void {
    try {
      check(value);
    } catch (error) {
      if (!this.isSkipped(key)) this.problems.push(this.wrongValue(property, key, value, error));
      throw error;
    }
  }

  private wrongValue(property: Property, key: string, value: unknown, error: unknown): ConfigProblem {
    const origin = this.nodes.get(key)?.origin;
    const own = error instanceof Error && !(typeof property.format === 'function' && 'expects' in property.format) ? error.message : '';
    const expected = own.startsWith('expected') || own === '' ? `expected ${expectationOf(property)}` : own;
    const required = value === null && origin?.kind === 'schema';
    const message = required ? `a value is required: ${expected}` : `${expected}, got ${describeValue(value)}`;
    const near = typeof value === 'string' ? nameLike(value, namedValues(property)) : [];
    return { kind: 'wrong-value', key, message, origin, near, fix: suggestion(property, key, value, near) };
  }

  private refuseUnknown(schema: ConfigSchema, tree: MapNode, path: readonly string[]): void {
    for (const [name, node] of tree.entries) {
      if (Object.hasOwn(schema, name)) continue;
      const siblings = Object.keys(schema);
      const key = [...path, name].join('.');
      const near = nameLike(name, siblings).map((sibling) => [...path, sibling].join('.'));
      const where = path.length === 0 ? 'at the top' : `in "${path.join('.')}"`;
      const message = `there is no such key in the schema; keys ${where} are: ${siblings.join(', ') || 'none'}`;
      this.problems.push({ kind: 'unknown-key', key, message, origin: node.origin, near, fix: this.renaming(key, node, near[0]) });
    }
  }

  private renaming(key: string, node: Node, near: string | undefined): string {
    if (near === undefined) return undoing(key, node);
    const moved = `${near}=${formatValue(toValue(node))}`;
    return node.origin.kind === 'override' ? moved : `~${key} ${moved}`;
  }
}

/** What removes a value: deleting it, or leaving the override away. */
function undoing(key: string, node: Node): string {
  return node.origin.kind === 'override' ? `~${key} (or leave the override out)` : `~${key}`;
}

/** An override that passes: a value like the one given, the number in a text, the default. */
function suggestion(property: Property, key: string, value: unknown, near: readonly string[]): string {
  const check = checkOf(property);
  const passes = (candidate: unknown) => {
    try {
      check?.(candidate);
      return candidate !== undefined && candidate !== null;
    } catch {
      return false;
    }
  };
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  const candidates = [near[0], Number.isNaN(number) ? undefined : number, typeof value === 'number' ? String(value) : undefined];
  const found = [...candidates, property.default, ...namedValues(property)].find(passes);
  return found === undefined ? `${key}=<${expectationOf(property)}>` : `${key}=${formatValue(found)}`;
}

function namedValues(property: Property): string[] {
  return (valuesOf(property) ?? []).filter((value) => typeof value === 'string');
}

/** The check of a property on the value as typed; undefined for a format that only convict knows. */
function checkOf(property: Property): ((value: unknown) => void) | undefined {
  const { format, nullable } = property;
  const check = strictCheck(format, property.default);
  return check === undefined || nullable !== true ? check : (value) => (value === null ? undefined : check(value));
}

function strictCheck(format: PropertyFormat | undefined, value: ConfigValue): ((value: unknown) => void) | undefined {
  if (Array.isArray(format)) return refusing((candidate) => format.includes(candidate as ConfigValue));
  const name = format === undefined ? kindOf(value) : nameOf(format as PropertyFormat);
  const isNamed = format === undefined || typeof format === 'string' || builtIn.has(format);
  if (!isNamed) return format as (value: unknown) => void;
  const test = Object.hasOwn(tests, name) ? tests[name] : undefined;
  return test === undefined ? undefined : refusing(test);
}

const refusing = (test: (value: unknown) => boolean) => (value: unknown) => {
  if (!test(value)) throw new TypeError('expected');
};

const builtIn: ReadonlySet<unknown> = new Set([String, Number, Boolean, Object, Array]);
const isInt = (value: unknown): value is number => Number.isSafeInteger(value);

/** Convict's own formats, on values as typed. */
const tests: Readonly<Record<string, (value: unknown) => boolean>> = {
  '*': () => true,
  int: isInt,
  integer: isInt,
  nat: (value) => isInt(value) && value >= 0,
  port: (value) => isInt(value) && value >= 0 && value <= 65_535,
  String: (value) => typeof value === 'string',
  Number: (value) => typeof value === 'number',
  Boolean: (value) => typeof value === 'boolean',
  Object: isMap,
  Array: Array.isArray,
};

/** The values with the schema's default in place of each bad one, for rules to be judged on. */
function withDefaults(
  schema: ConfigSchema,
  values: Readonly<Record<string, unknown>>,
  bad: ReadonlySet<string>,
  path: readonly string[],
): Record<string, unknown> {
  const entries = Object.entries(schema).map(([name, node]) => {
    const inner = [...path, name];
    if (isProperty(node)) return [name, bad.has(inner.join('.')) ? node.default : values[name]];
    return [name, withDefaults(node, (values[name] ?? {}) as Record<string, unknown>, bad, inner)];
  });
  return Object.fromEntries(entries);
}
