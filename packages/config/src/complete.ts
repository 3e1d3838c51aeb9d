import { formatValue } from '@man/base';
import type { Composed } from './compose.ts';
import { badShell } from './errors.ts';

/**
 * What a word on the command line can become: groups and keys up to `=`, and behind it options and values that are known one by one.
 * Prefixes (`+`, `++`, `~`) stay; of several values (`seed=1,2,`) the last is completed.
 *
 * @param composed any configuration of the program: `compose` without what is being typed
 * @returns whole words, sorted; those that end with `=` want more
 */
export function completeOverride({ groups, properties }: Pick<Composed<unknown>, 'groups' | 'properties'>, word: string): string[] {
  const prefix = /^(\+\+|\+|~)?/.exec(word)?.[0] ?? '';
  const equals = word.indexOf('=');
  if (equals < 0) {
    const end = prefix === '~' ? '' : '=';
    const names = [...groups.keys(), ...properties.map(({ key }) => key)].map((name) => `${prefix}${name}${end}`);
    return nextLevel(startingWith(names, word), word);
  }
  const key = word.slice(prefix.length, equals);
  const known = groups.get(key) ?? valuesOf(properties.find((property) => property.key === key));
  const start = word.slice(0, Math.max(equals, word.lastIndexOf(',')) + 1);
  const taken = word
    .slice(equals + 1)
    .split(',')
    .slice(0, -1);
  return startingWith(
    known.filter((value) => !taken.includes(value)).map((value) => `${start}${value}`),
    word,
  );
}

const startingWith = (words: readonly string[], start: string): string[] =>
  [...new Set(words)].filter((word) => word.startsWith(start)).sort();

/** Of many keys only their next part: `train.` stands for all that begin with it. */
function nextLevel(words: readonly string[], start: string): string[] {
  if (words.length < 2) return [...words];
  const cut = (word: string) => {
    const dot = word.indexOf('.', start.length);
    return dot < 0 ? word : word.slice(0, dot + 1);
  };
  const parts = [...new Set(words.map(cut))];
  return parts.length === 1 && parts[0] === start ? [...words] : parts;
}

function valuesOf(property: Composed<unknown>['properties'][number] | undefined): readonly string[] {
  if (property === undefined) return [];
  return (property.values ?? [property.default]).map(formatValue);
}

/** A shell that completion can be had for. */
export type Shell = 'bash' | 'zsh' | 'fish';

/**
 * A script that makes a shell ask the program what a word can become.
 *
 * It calls `<program> __complete <line>` with the line up to the cursor, and takes one candidate a line.
 *
 * @throws `MAN_CONFIG_SHELL`
 */
export function completionScript(shell: string, program: string): string {
  if (!Object.hasOwn(SCRIPTS, shell)) throw badShell(shell, Object.keys(SCRIPTS));
  if (!/^[\w.-]+$/.test(program)) throw badShell(program, ['the name of a program']);
  return SCRIPTS[shell as Shell](program, `_${program.replace(/\W/g, '_')}`);
}

const SCRIPTS: Readonly<Record<Shell, (program: string, name: string) => string>> = {
  // Bash breaks words at "=" and ":", so candidates lose what stands before the last of them.
  bash: (program, name) => `# ${program}: completion for bash. Put into ~/.bashrc: eval "$(${program} completion bash)"
${name}() {
  local line="\${COMP_LINE:0:COMP_POINT}" word found i
  word="\${line##*[[:space:]]}"
  mapfile -t found < <(${program} __complete "$line" 2>/dev/null)
  local cut="\${word%"\${word##*[=:]}"}"
  COMPREPLY=()
  for i in "\${found[@]}"; do COMPREPLY+=("\${i#"$cut"}"); done
  case "\${COMPREPLY[*]}" in *[=.]) compopt -o nospace 2>/dev/null ;; esac
}
complete -o default -F ${name} ${program}
`,
  zsh: (program, name) => `# ${program}: completion for zsh. Put into ~/.zshrc, behind compinit: eval "$(${program} completion zsh)"
${name}() {
  local -a found
  found=("\${(@f)$(${program} __complete "\${(j: :)words[1,CURRENT]}" 2>/dev/null)}")
  compadd -S '' -- "\${(@M)found:#*[=.]}"
  compadd -- "\${(@)found:#*[=.]}"
}
compdef ${name} ${program}
`,
  fish: (program) => `# ${program}: completion for fish. Put into ~/.config/fish/config.fish: ${program} completion fish | source
complete -c ${program} -f -a '(${program} __complete (commandline -cp) 2>/dev/null)'
`,
};
