import { type ConfigSource, checkName, listGroups, shownPath } from './config-source.ts';
import { type Choice, type DefaultsEntry, type GroupEntry, readDefaults } from './defaults-list.ts';
import { badChoice, badDefaults, defaultsCycle, lateOverride, tooBig, unknownGroup, unknownOption, unreadable } from './errors.ts';
import { checkKey } from './key.ts';
import { limits } from './limits.ts';
import { meant, near as nameLike, type Synonyms } from './near.ts';
import { describeOrigin, type Origin } from './origin.ts';
import type { Override } from './override.ts';
import { type ConfigFile, readYaml } from './read-yaml.ts';
import { emptyMap, type MapNode, merge, wrap } from './tree.ts';

/** The files of a configuration, composed by their defaults lists. */
export interface Composition {
  readonly tree: MapNode;
  /** The option chosen for each group, in the order of the defaults lists. */
  readonly choices: Readonly<Record<string, Choice>>;
  /** The composed files, first to last. */
  readonly files: readonly string[];
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** The overrides that are about values, not groups. */
  readonly rest: readonly Override[];
}

/**
 * Chooses the option of each group and composes their files: maps merge, everything else replaces.
 *
 * @throws `MAN_CONFIG_UNKNOWN_GROUP`, `MAN_CONFIG_UNKNOWN_OPTION`, `MAN_CONFIG_CHOICE`, `MAN_CONFIG_CYCLE`, and what reading files throws
 */
export function composeFiles(
  source: ConfigSource,
  configName: string,
  overrides: readonly Override[],
  synonyms: Synonyms = {},
): Composition {
  checkName('configName', configName);
  const chooser = new Chooser(source, listGroups(source), synonyms);
  const rest = overrides.filter((override) => !chooser.take(override));
  const layers = chooser.visitRoot(`${configName}.yaml`);
  chooser.checkAllUsed();
  const start: Origin = { kind: 'file', file: shownPath(source, `${configName}.yaml`), line: 1, column: 1 };
  const tree = layers.reduce<MapNode>((below, layer) => merge(below, layer.tree) as MapNode, emptyMap(start));
  return { tree, choices: chooser.choices(), files: layers.map(({ file }) => file), groups: chooser.groups, rest };
}

interface Layer {
  readonly file: string;
  readonly tree: MapNode;
}
interface Decision {
  readonly choice: Choice;
  readonly place: string;
  /** Whether it was typed, not read from a file. */
  readonly typed: boolean;
}

class Chooser {
  readonly groups: ReadonlyMap<string, readonly string[]>;
  private readonly source: ConfigSource;
  /** What replaces the choice of a defaults list; the first to be registered wins. */
  private readonly decisions = new Map<string, Decision>();
  private readonly deletions = new Map<string, Override>();
  private readonly additions: GroupEntry[] = [];
  private readonly chosen = new Map<string, Decision>();
  private readonly used = new Set<string>();
  private readonly cache = new Map<string, ConfigFile>();
  private readonly synonyms: Synonyms;
  private read = 0;
  constructor(source: ConfigSource, groups: ReadonlyMap<string, readonly string[]>, synonyms: Synonyms) {
    this.source = source;
    this.groups = groups;
    this.synonyms = synonyms;
  }

  /** Takes an override that chooses an option; false when it is about a value. */
  take(override: Override): boolean {
    const { key, action } = override;
    const place = describeOrigin(override.origin);
    if (!this.groups.has(key)) {
      if (key.includes('/')) throw this.noGroup(place, key);
      return false;
    }
    if (action === 'append') throw badChoice(place, `"${key}" is a group, not a list`, `type ${key}=[option, option]`);
    if (action === 'force')
      throw badChoice(
        place,
        '"++" is for values',
        `type ${key}=${override.word}, or +${key}=${override.word} when no defaults list names the group`,
      );
    if (action === 'delete') this.deletions.set(key, override);
    else {
      const choice = typedChoice(override, this.groups.get(key) ?? []);
      const entry = { kind: 'group', group: key, choice, override: false, optional: false, origin: override.origin } as const;
      if (action === 'add') this.additions.push(entry);
      // Of several the last counts, so that a script's defaults can be followed by what the user types.
      else this.decisions.set(key, { choice, place, typed: true });
    }
    return true;
  }

  visitRoot(path: string): Layer[] {
    const place = shownPath(this.source, path);
    if (this.source.read(path) === undefined) {
      throw unreadable(
        `there is no file ${place}`,
        'the configuration begins with this file; its defaults list names an option for each group',
      );
    }
    return this.visit(path, [], [], place);
  }

  choices(): Record<string, Choice> {
    return Object.fromEntries([...this.chosen].reverse().map(([group, { choice }]) => [group, choice]));
  }

  /** Every choice and deletion must have met its group in a defaults list. */
  checkAllUsed(): void {
    for (const [group, { place, choice, typed }] of this.decisions) {
      if (this.used.has(group)) continue;
      const option = Array.isArray(choice) ? `[${choice.join(',')}]` : String(choice);
      const hint = typed ? `type +${group}=${option} to add it` : `write "${group}: ${option}" without "override"`;
      throw badChoice(place, `no defaults list names the group "${group}"`, hint);
    }
    for (const [group, { origin, word }] of this.deletions) {
      const place = describeOrigin(origin);
      const decision = this.chosen.get(group);
      if (decision === undefined) throw badChoice(place, `no defaults list names the group "${group}"`, 'leave this override out');
      const present = String(decision.choice);
      if (word !== undefined && word !== present)
        throw badChoice(place, `"${group}" is "${present}"`, `type ~${group}=${present}, or ~${group}`);
      this.chosen.delete(group);
    }
  }

  /** The layers of a file and of everything its defaults list names, lowest first. */
  private visit(path: string, package_: readonly string[], above: readonly string[], from: string): Layer[] {
    const shown = shownPath(this.source, path);
    if (above.includes(path)) throw defaultsCycle([...above.slice(above.indexOf(path)), path].map((file) => shownPath(this.source, file)));
    if (++this.read > limits.files) throw tooBig(shown, 'files named by defaults lists', limits.files);
    const file = this.load(path, from);
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
    const isGlobal = file.global || folder === 'experiment' || folder.startsWith('experiment/');
    const placed = isGlobal ? [] : package_;
    const entries = readDefaults(file.defaults, { files: folder, groups: isGlobal ? '' : folder }, file.tree.origin);
    if (above.length === 0) entries.push(...this.additions.filter((addition) => !this.fills(addition, entries)));
    this.register(entries, shown);
    // From the last to the first: what comes later may override the choices of what comes before.
    const layers = [...entries].reverse().map((entry): Layer[] => {
      if (entry.kind === 'self') return [{ file: shown, tree: wrap(placed, file.tree) as MapNode }];
      const place = describeOrigin(entry.origin);
      if (entry.kind === 'file') return this.visit(entry.path, placed, [...above, path], place);
      return entry.override ? [] : this.visitGroup(entry, [...above, path]);
    });
    return layers.reverse().flat();
  }

  /** Whether `+group=option` only fills a place that the first file leaves empty, `group: null`: then it chooses like `group=option`. */
  private fills({ group, choice, origin }: GroupEntry, entries: readonly DefaultsEntry[]): boolean {
    const isEmpty = entries.some((entry) => entry.kind === 'group' && !entry.override && entry.group === group && entry.choice === null);
    if (isEmpty) this.decisions.set(group, { choice, place: describeOrigin(origin), typed: true });
    return isEmpty;
  }

  private register(entries: readonly DefaultsEntry[], file: string): void {
    for (const entry of [...entries].reverse()) {
      if (entry.kind !== 'group' || !entry.override || this.decisions.has(entry.group)) continue;
      const { group, choice, origin } = entry;
      const before = this.chosen.get(group);
      // Files are visited from the last to the first, so this group is listed behind the file and has been composed.
      if (before !== undefined && !before.typed && String(before.choice) !== String(choice))
        throw lateOverride(origin, group, file, before.place);
      this.decisions.set(group, { choice, place: describeOrigin(origin), typed: false });
    }
  }

  private visitGroup(entry: GroupEntry, above: readonly string[]): Layer[] {
    const { group, origin } = entry;
    const place = describeOrigin(origin);
    const decided = this.decisions.get(group);
    const { choice, place: decider, typed } = decided ?? { choice: entry.choice, place, typed: false };
    const before = this.chosen.get(group);
    if (before !== undefined) throw this.chosenTwice(entry, before, place);
    // A group becomes a key path of the configuration.
    for (const key of group.split('/')) checkKey(place, key);
    this.used.add(group);
    this.chosen.set(group, { choice, place, typed: origin.kind === 'override' });
    if (this.deletions.has(group) || choice === null) return [];
    const options = typeof choice === 'string' ? [choice] : choice;
    if (entry.optional && !typed && options.every((option) => !this.has(group, option))) {
      this.chosen.set(group, { choice: null, place, typed: false });
      return [];
    }
    const layers = [...options].reverse().map((option) => {
      this.checkOption(decider, group, option);
      return this.visit(`${group}/${option}.yaml`, group.split('/'), above, decider);
    });
    return layers.reverse().flat();
  }

  private has(group: string, option: string): boolean {
    return this.groups.get(group)?.includes(option) ?? false;
  }

  /** Asked of the list of files, not of the file system, which may ignore upper and lower case. */
  private checkOption(place: string, group: string, option: string): void {
    checkName(place, `${group}/${option}`);
    const options = this.groups.get(group);
    if (options === undefined) throw this.noGroup(place, group);
    if (options.includes(option)) return;
    const other = this.synonyms[`${group}=${option}`];
    throw unknownOption(place, group, option, other === undefined ? nameLike(option, options) : [other], options);
  }

  private noGroup(place: string, group: string): Error {
    const names = [...this.groups.keys()];
    const other = meant(group, this.synonyms);
    if (other !== undefined) return unknownGroup(place, group, [other], names);
    const below = names.filter((name) => group.endsWith(`/${name}`)).map((name) => `/${name}`);
    return unknownGroup(place, group, below.length > 0 ? below : nameLike(group, names), names);
  }

  private chosenTwice({ group, origin, choice }: GroupEntry, later: Decision, place: string): Error {
    if (origin.kind === 'override' || later.typed) {
      const [first, second] = [choice, later.choice].map((names) => [names ?? []].flat().join(','));
      const hint = origin.kind === 'override' ? `type +${group}=[${first},${second}]` : `type ${group}=${second}`;
      return badChoice(later.place, `the group "${group}" is chosen already, by ${place}`, hint);
    }
    return badDefaults(
      origin,
      `the group "${group}" is chosen twice, here and by ${later.place}`,
      `write "override ${group}: option" in one of them`,
    );
  }

  private load(path: string, from: string): ConfigFile {
    const known = this.cache.get(path);
    if (known !== undefined) return known;
    const text = this.source.read(path);
    const shown = shownPath(this.source, path);
    if (text === undefined) throw unreadable(`${from}: there is no file ${shown}`, 'correct the name in the defaults list');
    const file = readYaml(shown, text);
    this.cache.set(path, file);
    return file;
  }
}

/** The options that an override names. */
function typedChoice({ key, value, word, origin }: Override, options: readonly string[]): Choice {
  if (value === null) return null;
  const place = describeOrigin(origin);
  const names = Array.isArray(value) ? value.map(String) : [typeof value === 'string' ? value : (word ?? '')];
  const bad = names.find((name) => name === '' || /[{}[\]'"]/.test(name));
  if (bad !== undefined)
    throw badChoice(
      place,
      `"${key}" is a group and takes the name of an option`,
      `type ${key}=option, or ${key}.key=value for a value in it`,
    );
  for (const name of names) checkName(place, name, options);
  return Array.isArray(value) ? names : (names[0] as string);
}
