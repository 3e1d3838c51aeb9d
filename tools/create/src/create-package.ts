import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What can be made. */
export const KINDS = ['loss', 'plugin', 'backbone', 'dataset'] as const;
export type Kind = (typeof KINDS)[number];

export interface PackageOptions {
  readonly kind: Kind;
  /** Of the package, with or without a scope: `@me/soft-labels`. */
  readonly name: string;
  /** The folder to make; it must not exist or be empty. */
  readonly folder: string;
}

/** What somebody typed cannot be done; the message says what can. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const root = fileURLToPath(new URL('..', import.meta.url));
const NAME = /^(@[a-z0-9][a-z0-9-]*\/)?([a-z][a-z0-9]*(?:-[a-z0-9]+)*)$/;

/** What no function can be called, and what the templates call otherwise. */
const TAKEN = new Set(
  (
    'arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for ' +
    'function if implements import in instanceof interface let new null package private protected public return static super switch ' +
    'this throw true try typeof var void while with yield nn ops tf test describe'
  ).split(' '),
);

/**
 * Makes a package out of a template: its code, a README, and a test that is the conformance suite of its kind.
 *
 * @returns paths of the files, from the folder
 * @throws UsageError for a name that no package can have, and for a folder that has something in it
 */
export function createPackage({ kind, name, folder }: PackageOptions): string[] {
  const base = NAME.exec(name)?.[2];
  const camel = (base ?? '').replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  if (base === undefined || TAKEN.has(camel))
    throw new UsageError(`expected the name of a package such as soft-labels or @me/soft-labels, got '${name}'`);
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new UsageError(`expected an empty folder or none, got ${folder}, which has files; choose another name, or move them away`);
  const rename = (text: string) =>
    text
      .replaceAll(`@me/my-${kind}`, name)
      .replaceAll(`my-${kind}`, base)
      .replaceAll(`my${capital(kind)}`, camel)
      .replaceAll(`My${capital(kind)}`, capital(camel));
  const template = join(root, 'templates', kind);
  const files = readdirSync(template, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files
    .map((entry) => {
      const from = join(entry.parentPath, entry.name);
      const path = rename(relative(template, from));
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), rename(atRelease(readFileSync(from, 'utf8'))), { flag: 'wx' });
      return path;
    })
    .sort();
}

const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);

/** Packages of MAN are released together: those of this one's version. */
function atRelease(text: string): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return text.replace(/("@man\/[a-z0-9-]+": )"[^"]*"/g, `$1"^${version}"`);
}
