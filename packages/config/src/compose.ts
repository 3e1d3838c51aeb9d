import { createHash } from 'node:crypto';
import type { ConfigOf, ConfigSchema, ConfigValue } from '@man/base';
import { Scalar, stringify } from 'yaml';
import { applyLeniently, applyOverrides } from './apply-overrides.ts';
import { composeFiles } from './choose.ts';
import { type ConfigSource, readTextFile } from './config-source.ts';
import type { Choice } from './defaults-list.ts';
import { invalid } from './errors.ts';
import { passGate } from './gate.ts';
import { escapeInterpolations } from './interpolation.ts';
import type { Synonyms } from './near.ts';
import type { Origin } from './origin.ts';
import { readOverrides } from './override.ts';
import { resolveTree, runTree } from './resolve.ts';
import { judgeRules, type Rule } from './rules.ts';
import { checkSchema, defaultsTree, describeSchema, isOpenIn, type PropertyInfo } from './schema.ts';
import { leaves, type MapNode, merge, toValue } from './tree.ts';
import { canonical, isMap } from './value.ts';

/** The option chosen for each group: a name, several names, or null for none. */
export type Choices = Readonly<Record<string, Choice>>;

/** What {@link compose} needs. */
export interface ComposeOptions<S extends ConfigSchema> {
  /** Where the files are: `folderSource('conf')`. */
  readonly source: ConfigSource;
  /**
   * The convict schema, or a function that puts it together from the chosen options. `raw` holds the composed values
   * before interpolation and checks, for schemas that depend on a value such as `loss.type`.
   */
  readonly schema: S | ((choices: Choices, raw: Readonly<Record<string, ConfigValue>>) => S);
  /** Overrides as typed, in order; `@file` reads more from a file. Default: none. */
  readonly overrides?: readonly string[];
  /** Name of the first file, without `.yaml`. Default `'config'`. */
  readonly configName?: string;
  /** Rules over several keys. Each is judged unless it reads a key that is wrong by itself. Default: none. */
  readonly refine?: Rule<ConfigOf<S>> | readonly Rule<ConfigOf<S>>[];
  /** Top-level sections that say how to run and not what: outside of the hash, and of the YAML unless asked for. Default: none. */
  readonly apart?: readonly string[];
  /**
   * What people type for a key, a group or `group=option` of another name, as in other programs: `{ lr: 'optim.lr' }`. It is suggested
   * where the typed name is unknown, never applied. Default: none.
   */
  readonly synonyms?: Synonyms;
  /** Values for `${run.…}`, e.g. `{ id: '7f3a', dir: 'outputs/7f3a' }`. Default: none. */
  readonly run?: { readonly [key: string]: ConfigValue };
  /** The moment for `${now:…}`. Default: the present one, the same for the whole configuration. */
  readonly now?: Date;
  /** Variables for `${env:…}`. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Reads the text of an `@file`. Default: from the file system, relative to the working directory. */
  readonly readText?: (path: string) => string;
}

/** A configuration that passed every check. */
export interface Composed<T> {
  /** The values, frozen at every depth. */
  readonly config: T;
  /** Where each leaf came from, by key path. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** The option chosen for each group. */
  readonly choices: Choices;
  /** Every group with its options. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** The composed files, lowest first. */
  readonly files: readonly string[];
  /** The overrides, those of files included, as they were applied. */
  readonly overrides: readonly string[];
  /** What the schema says of each key. */
  readonly properties: readonly PropertyInfo[];
  /** SHA-256 over the values, the same for every order of keys: 64 hexadecimal digits. */
  readonly hash: string;
  /**
   * The values as YAML 1.2, which composes to the same values. With `resolve: false` interpolations stay as written; with `apart: true`
   * the sections of {@link ComposeOptions.apart} are there too.
   */
  toYaml(options?: { readonly resolve?: boolean; readonly apart?: boolean }): string;
}

/**
 * Composes, resolves and checks a configuration.
 *
 * Files are chosen by the defaults list and by overrides of groups, merged (maps merge, everything else replaces), changed by
 * the other overrides in order, laid over the defaults of the schema, resolved, and checked by convict and by `refine`.
 * Everything wrong with values is reported at once; `problemsOf(error)` lists it.
 *
 * @throws `MAN_CONFIG_INVALID`; `MAN_CONFIG_OVERRIDE`, `MAN_CONFIG_OVERRIDE_FILE`; `MAN_CONFIG_UNKNOWN_GROUP`,
 * `MAN_CONFIG_UNKNOWN_OPTION`, `MAN_CONFIG_CHOICE`, `MAN_CONFIG_DEFAULTS`, `MAN_CONFIG_CYCLE`, `MAN_CONFIG_NAME`; `MAN_CONFIG_SOURCE`,
 * `MAN_CONFIG_YAML`, `MAN_CONFIG_KEY`, `MAN_CONFIG_TOO_BIG`; `MAN_CONFIG_SCHEMA`
 * @example
 * ```ts
 * import { compose, defineSchema, folderSource, positiveNumber } from '@man/config';
 *
 * const schema = defineSchema({ optim: { lr: { doc: 'Learning rate.', default: 0.1, format: positiveNumber } } });
 * export const load = () => compose({ source: folderSource('conf'), overrides: process.argv.slice(2), schema }).config.optim.lr;
 * ```
 */
export function compose<const S extends ConfigSchema>(options: ComposeOptions<S>): Composed<ConfigOf<S>> {
  const overrides = readOverrides(options.overrides ?? [], options.readText ?? readTextFile);
  const { apart = [], synonyms = {} } = options;
  const composition = composeFiles(options.source, options.configName ?? 'config', overrides, synonyms);
  const schema = schemaOf(options, composition.choices, applyLeniently(composition.tree, composition.rest));
  const defaults = defaultsTree(schema);
  const applied = applyOverrides(composition.tree, composition.rest, {
    defaults,
    isOpen: (path) => isOpenIn(schema, path),
    groups: [...composition.groups.keys()],
    synonyms,
  });
  const written = merge(defaults, applied.tree) as MapNode;
  const resolved = resolveTree(written, {
    env: options.env ?? process.env,
    now: options.now ?? new Date(),
    run: runTree(options.run),
  });
  // Once more: a section that was an interpolation has become a map, with keys that only the schema sets.
  const finished = merge(defaults, resolved.tree) as MapNode;
  const unresolved = new Set(resolved.problems.map(({ key }) => key));
  const gated = passGate(schema, finished, unresolved);
  const bad = new Set([...unresolved, ...gated.problems.map(({ key }) => key)]);
  const rules = judgeRules([options.refine ?? []].flat(), gated.values, bad, written);
  const problems = [...applied.problems, ...resolved.problems, ...gated.problems, ...rules];
  if (problems.length > 0) throw invalid(problems);
  return {
    config: freeze(gated.values) as ConfigOf<S>,
    origins: new Map(leaves(finished).map(({ key, node }) => [key, node.origin])),
    choices: freeze(composition.choices),
    groups: composition.groups,
    files: freeze(composition.files),
    overrides: freeze(overrides.map(({ text }) => text)),
    properties: freeze(describeSchema(schema)),
    hash: createHash('sha256')
      .update(canonical(without(gated.values, apart)))
      .digest('hex'),
    toYaml({ resolve = true, apart: all = false } = {}) {
      const values = without(resolve ? gated.values : toValue(written), all ? [] : apart);
      return stringify(forYaml(values, resolve ? escapeInterpolations : (text) => text));
    },
  };
}

function schemaOf<S extends ConfigSchema>(options: ComposeOptions<S>, choices: Choices, raw: MapNode): S {
  const { schema } = options;
  const made: unknown = typeof schema === 'function' ? schema(choices, toValue(raw) as Readonly<Record<string, ConfigValue>>) : schema;
  checkSchema(made);
  return made as S;
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freeze(inner);
  }
  return value;
}

/** The sections but some. */
function without(values: unknown, names: readonly string[]): unknown {
  return Object.fromEntries(Object.entries(values as object).filter(([name]) => !names.includes(name)));
}

/** Values that survive being read as a configuration again; `text` gives literal `${` their backslashes back. */
function forYaml(value: unknown, text: (value: string) => string): unknown {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) return exponential(value);
  if (Array.isArray(value)) return value.map((item) => forYaml(item, text));
  return isMap(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, forYaml(inner, text)])) : value;
}

/** A number whose digits alone would be refused as a whole number that may have been rounded. */
function exponential(value: number): Scalar {
  const scalar = new Scalar(value);
  scalar.format = 'EXP';
  return scalar;
}
