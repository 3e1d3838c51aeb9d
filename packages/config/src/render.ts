import { formatValue } from '@man/base';
import type { Composed } from './compose.ts';
import { describeOrigin } from './origin.ts';
import { shorten } from './value.ts';

/**
 * A table of every value with its origin, for `--info defaults`, below the chosen options and the files in their order.
 *
 * ```text
 * optim.lr        0.4   override "optim.lr=0.4"
 * optim.momentum  0.9   conf/optim/sgd.yaml:2
 * ```
 */
export function renderDefaults(composed: Composed<unknown>): string {
  const { choices, files, origins, config, overrides } = composed;
  const values = [...origins].map(([key, origin]) => [key, shorten(formatValue(valueAt(config, key))), describeOrigin(origin)]);
  return [
    'Options',
    ...indent(table(Object.entries(choices).map(([group, choice]) => [group, formatValue(choice)]))),
    'Files, later ones over earlier ones',
    ...indent(files),
    ...(overrides.length === 0 ? [] : ['Overrides', ...indent(overrides)]),
    'Values',
    ...indent(table(values)),
    '',
  ].join('\n');
}

/** What {@link renderHelp} puts around the groups and keys. */
export interface HelpOptions {
  /** The command as typed, e.g. `man-reproduce train`. */
  readonly command: string;
  /** One paragraph on what it does. Default: none. */
  readonly description?: string;
}

/** A help page: usage, groups with their options (the chosen one marked `*`), keys with value and doc, and the forms of overrides. */
export function renderHelp(composed: Composed<unknown>, { command, description }: HelpOptions): string {
  const groups = [...composed.groups].map(([group, options]) => {
    const chosen = [composed.choices[group] ?? []].flat();
    return [`${group}=`, options.map((option) => (chosen.includes(option) ? `*${option}` : option)).join('  ')];
  });
  const keys = composed.properties.map(({ key, doc, expects }) => [
    `${key}=${shorten(formatValue(valueAt(composed.config, key)))}`,
    [doc, `(${expects})`].filter((part) => part !== '').join(' '),
  ]);
  return [
    `Usage: ${command} [override ...]`,
    ...(description === undefined ? [] : ['', description]),
    '',
    'Groups (* is chosen)',
    ...indent(table(groups)),
    '',
    'Keys, with their present values',
    ...indent(table(keys)),
    '',
    'Overrides',
    ...indent(table(forms)),
    '',
  ].join('\n');
}

const forms = [
  ['group=option', 'choose an option; group=[a,b] several, group=null or ~group none, +group=option where none is chosen'],
  ['key=value', "set a key: optim.lr=0.4  name='a, b'  list=[1,2]  map={a: 1}  flag=true  none=null"],
  ['+key=value', 'add a key that is not there; ++key=value add or set'],
  ['~key', 'delete a key; ~key=value only if it has this value'],
  ['key+=[value]', 'append to a list'],
  [`key=\${other}`, `the value of another key; also \${env:NAME,default} \${now:%Y-%m-%d}`],
  ['@file', 'read overrides from a file, one a line, # begins a comment'],
];

function valueAt(config: unknown, key: string): unknown {
  return key.split('.').reduce<unknown>((value, name) => (value as Readonly<Record<string, unknown>> | undefined)?.[name], config);
}

const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

/** Rows with their columns aligned, the last one ragged. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.slice(0, -1).entries()) widths[i] = Math.min(48, Math.max(widths[i] ?? 0, cell.length));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
