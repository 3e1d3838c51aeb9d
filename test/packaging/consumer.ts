import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../workspace.ts';
import type { Tarball } from './pack.ts';

/** By package, names of the values (not the types) that its declarations promise. One program for all: each alone would read those of tfjs again. */
export function declaredValues(folder: string, names: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const files = names.map((name) => join(folder, 'node_modules', name, 'dist/index.d.ts'));
  const program = ts.createProgram(files, { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext });
  return new Map(names.map((name, i) => [name, valuesOf(program, files[i] as string)]));
}

function valuesOf(program: ts.Program, file: string): string[] {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const symbol = source && checker.getSymbolAtLocation(source);
  if (symbol === undefined) throw new Error(`${file} is not a module`);
  const typeOnly = new Set([...readFileSync(file, 'utf8').matchAll(/\btype ([A-Za-z0-9_]+)/g)].map(([, type]) => type));
  return checker
    .getExportsOfModule(symbol)
    .filter((exported) => {
      const target = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      return (target.flags & ts.SymbolFlags.Value) !== 0 && !(typeOnly.has(exported.name) && (target.flags & ts.SymbolFlags.Class) !== 0);
    })
    .map((exported) => exported.name)
    .sort();
}

/** Writes a program that imports every package, as a value and through its types. */
export function writeConsumer(folder: string, tarballs: readonly Tarball[]): string {
  const file = join(folder, 'src/consumer.ts');
  const names = tarballs.map(({ room }) => room.manifest.name);
  const lines = names.map((name, i) => `import * as package${i} from '${name}';`);
  const uses = names.map((name, i) => `  '${name}': Object.keys(package${i} satisfies object).length,`);
  mkdirSync(join(folder, 'src'), { recursive: true });
  writeFileSync(file, `${lines.join('\n')}\n\nexport const sizes: Record<string, number> = {\n${uses.join('\n')}\n};\n`);
  return file;
}

/** What a user's strict TypeScript of some version says of files, declarations of our packages included (`skipLibCheck: false` for ours). */
export function compile(
  folder: string,
  files: readonly string[],
  moduleResolution: 'node16' | 'bundler',
  compiler: typeof ts = ts,
): string[] {
  const { options, errors } = compiler.convertCompilerOptionsFromJson(
    {
      target: 'es2022',
      module: moduleResolution === 'node16' ? 'node16' : 'esnext',
      moduleResolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    },
    folder,
  );
  const program = compiler.createProgram([...files], options);
  const ours = program.getSourceFiles().filter(({ fileName }) => files.includes(fileName) || fileName.includes('/node_modules/@man/'));
  const found = ours.flatMap((source) => [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]);
  return [...errors, ...program.getOptionsDiagnostics(), ...found].map(
    ({ file: source, messageText }) =>
      `${source?.fileName.slice(folder.length) ?? ''}: ${compiler.flattenDiagnosticMessageText(messageText, '\n')}`,
  );
}
