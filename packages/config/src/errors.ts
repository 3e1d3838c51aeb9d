import { ManError } from '@man/base';
import { limits } from './limits.ts';
import { describeOrigin, type Origin } from './origin.ts';
import { type ConfigProblem, describeProblem } from './problem.ts';

const maybe = (near: readonly string[]): string =>
  near.length === 0 ? '' : `did you mean ${near.map((name) => `"${name}"`).join(' or ')}? `;
const known = (names: readonly string[]): string => (names.length === 0 ? 'there are none' : names.join(', '));

/** The text of an override does not follow the grammar; `column` counts from 1. */
export function badOverride(text: string, column: number, what: string, hint: string): ManError {
  return new ManError(`override "${text}": ${what} (column ${column})`, { code: 'MAN_CONFIG_OVERRIDE', hint });
}

/** An override of a sweep whose values cannot be listed or drawn. */
export function badSweep(text: string, what: string, hint: string): ManError {
  return new ManError(`sweep "${text.slice(0, 200)}": ${what}`, { code: 'MAN_CONFIG_SWEEP', hint });
}

/** A shell that no completion is known for. */
export function badShell(shell: string, known: readonly string[]): ManError {
  return new ManError(`there is no completion for ${JSON.stringify(shell)}`, {
    code: 'MAN_CONFIG_SHELL',
    hint: `choose one of: ${known.join(', ')}`,
  });
}

/** Several overrides do not follow the grammar. */
export function badOverrides(errors: readonly ManError[]): ManError {
  const list = errors.map((error, i) => `  ${i + 1}. ${error.message}\n     ${error.hint ?? ''}`);
  return new ManError(`${errors.length} overrides cannot be read:\n${list.join('\n')}`, {
    code: 'MAN_CONFIG_OVERRIDE',
    hint: 'correct them as shown above',
    cause: { errors },
  });
}

/** A file of overrides (`@file.txt`) cannot be used. */
export function badOverrideFile(file: string, what: string, cause?: unknown): ManError {
  return new ManError(`override file "${file}": ${what}`, {
    code: 'MAN_CONFIG_OVERRIDE_FILE',
    hint: 'an override file is plain text with one override a line; # begins a comment',
    cause,
  });
}

/** The configuration folder, or a file in it, cannot be read. */
export function unreadable(what: string, hint: string, cause?: unknown): ManError {
  return new ManError(what, { code: 'MAN_CONFIG_SOURCE', hint, cause });
}

/** A file is not YAML, or not the part of YAML that configurations use. */
export function badYaml(place: string, what: string, hint = 'correct the file at this line'): ManError {
  return new ManError(`${place}: ${what}`, { code: 'MAN_CONFIG_YAML', hint });
}

/** Something goes beyond a limit that protects the process. */
export function tooBig(place: string, what: string, limit: number): ManError {
  return new ManError(`${place}: ${what}; the limit is ${limit}`, {
    code: 'MAN_CONFIG_TOO_BIG',
    hint: 'a configuration this large is taken for a mistake or an attack; keep bulk data in files of its own and name them here',
  });
}

/** A key that cannot be used in a configuration. */
export function badKey(place: string, key: string, why: string, hint: string): ManError {
  return new ManError(`${place}: key ${JSON.stringify(key)} cannot be used: ${why}`, { code: 'MAN_CONFIG_KEY', hint });
}

/** The name of a group or an option that is not a plain name inside the configuration folder. */
export function badName(place: string, name: string, near: readonly string[] = []): ManError {
  return new ManError(`${place}: ${JSON.stringify(name)} is not the name of a group or an option`, {
    code: 'MAN_CONFIG_NAME',
    hint: `${maybe(near)}names are letters, digits, "_", "-" and "."; they stay inside the configuration folder, so ".." and paths are refused`,
  });
}

/** An entry of a defaults list that cannot be understood. */
export function badDefaults(origin: Origin, what: string, hint: string): ManError {
  return new ManError(`${describeOrigin(origin)}: ${what}`, { code: 'MAN_CONFIG_DEFAULTS', hint });
}

/** An `override` of a group that has been composed when its file is read. */
export function lateOverride(origin: Origin, group: string, file: string, listed: string): ManError {
  return new ManError(
    `${describeOrigin(origin)}: this override of "${group}" comes too late: ${listed} lists the group behind ${file}, and later entries lie over earlier ones`,
    { code: 'MAN_CONFIG_DEFAULTS', hint: `list the file behind the group "${group}", or choose it there` },
  );
}

/** Files whose defaults lists lead back to themselves. */
export function defaultsCycle(files: readonly string[]): ManError {
  return new ManError(`defaults lists lead in a circle: ${files.join(' → ')}`, {
    code: 'MAN_CONFIG_CYCLE',
    hint: 'remove one of these entries from its defaults list',
  });
}

/** A group that is no folder of the configuration. */
export function unknownGroup(place: string, group: string, near: readonly string[], groups: readonly string[]): ManError {
  return new ManError(`${place}: there is no group "${group}"; groups are: ${known(groups)}`, {
    code: 'MAN_CONFIG_UNKNOWN_GROUP',
    hint: `${maybe(near)}a group is a folder of the configuration with a YAML file for each option`,
  });
}

/** An option that is no file of its group. */
export function unknownOption(place: string, group: string, option: string, near: readonly string[], options: readonly string[]): ManError {
  const example = near[0] ?? options[0];
  return new ManError(`${place}: group "${group}" has no option "${option}"; options are: ${known(options)}`, {
    code: 'MAN_CONFIG_UNKNOWN_OPTION',
    hint: example === undefined ? `add a file ${group}/${option}.yaml` : `${maybe(near)}type ${group}=${example}`,
  });
}

/** A choice of options that does not fit the defaults list. */
export function badChoice(place: string, what: string, hint: string): ManError {
  return new ManError(`${place}: ${what}`, { code: 'MAN_CONFIG_CHOICE', hint });
}

/** A schema that is not a convict schema, or uses a part of convict that would act behind the composition. */
export function badSchema(key: string, what: string, hint: string, cause?: unknown): ManError {
  return new ManError(`schema at "${key}": ${what}`, { code: 'MAN_CONFIG_SCHEMA', hint, cause });
}

/** Everything that is wrong with the values of a configuration, at once; `problems` is on the error's cause. */
export function invalid(problems: readonly ConfigProblem[]): ManError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const list = problems.slice(0, limits.problems).map((problem, i) => `  ${i + 1}. ${describeProblem(problem).join('\n     ')}`);
  if (problems.length > limits.problems) list.push(`  … and ${problems.length - limits.problems} more`);
  return new ManError(`the configuration has ${count}:\n${list.join('\n')}`, {
    code: 'MAN_CONFIG_INVALID',
    hint: 'correct the files, or type the overrides shown above',
    cause: { problems },
  });
}
