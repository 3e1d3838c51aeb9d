import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, Converter, DeclarationReflection, MinimalSourceFile, type NormalizedPath, normalizePath } from 'typedoc';

/**
 * Writes the reference of all packages, from their public exports and their READMEs, as pages: `npm run docs [folder]`.
 *
 * One program for all of them: a program per package takes ten times as long.
 */
const root = fileURLToPath(new URL('../..', import.meta.url));
const out = process.argv[2] ?? join(root, 'build/api');

/** Types by package that only say how another one is computed, or what a snapshot holds: nobody has to name them. */
const UNNAMED: Readonly<Record<string, readonly string[]>> = {
  base: ['ConvictFormat', 'Leaf', 'Passed', 'PropertyValue'],
  core: ['AverageState'],
  data: ['CLASSES'],
  'loss-infopro': ['BY_BLOCKS', 'PRESETS'],
};

const names = readdirSync(join(root, 'packages')).sort();
const app = await Application.bootstrap({
  name: 'MAN',
  entryPoints: names.map((name) => join(root, 'packages', name, 'src/index.ts')),
  tsconfig: join(root, 'test/tsconfig.json'),
  basePath: root,
  readme: join(root, 'README.md'),
  projectDocuments: [join(root, 'docs/how-to/*.md')],
  excludeInternal: true,
  excludePrivate: true,
  // `npm run lint` does.
  skipErrorChecking: true,
  disableSources: true,
  highlightLanguages: ['ts', 'js', 'sh', 'json', 'yaml', 'diff', 'bibtex', 'mermaid', 'html', 'python'],
  githubPages: false,
  out,
});

// Modules are called as they are imported, and begin with the README.
app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
  const name = names.find((each) => reflection.name === `packages/${each}/src`);
  if (!(reflection instanceof DeclarationReflection) || name === undefined || reflection.parent !== context.project) return;
  const file = join(root, 'packages', name, 'README.md');
  const source = new MinimalSourceFile(readFileSync(file, 'utf8'), normalizePath(file) as NormalizedPath);
  reflection.name = `@man/${name}`;
  reflection.readme = app.converter.parseRawComment(source, context.project.files).content;
});

const project = await app.convert();
if (project === undefined) throw new Error('typedoc understood nothing of packages/*/src/index.ts');
// Types that are used but not exported are looked for in one package at a time.
for (const name of names) {
  project.packageName = `@man/${name}`;
  app.options.setValue('intentionallyNotExported', [...(UNNAMED[name] ?? [])]);
  app.validate(project);
}
await app.generateOutputs(project);
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1;
