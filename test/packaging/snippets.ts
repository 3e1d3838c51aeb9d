import { existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { transform } from 'esbuild';
import ts from 'typescript';
import { type Fence, fencesOf } from '../docs/fences.ts';
import { publicRooms, root } from '../workspace.ts';

/** TypeScript code on the page of a published package. */
export interface Snippet extends Fence {
  /** Whether it is a program to be run, not only to be compiled. */
  readonly runs: boolean;
}

/** The code of all packages' pages. */
export const snippets: readonly Snippet[] = publicRooms
  .flatMap((room) => fencesOf(join(room.folder, 'README.md')))
  .filter(({ info }) => info === 'ts' || info === 'ts run')
  .map((fence) => ({ ...fence, runs: fence.info === 'ts run' }));

const nameOf = ({ at }: Fence) => at.replace(/[^A-Za-z0-9]+/g, '-');

/** Writes a snippet as it is, for a type checker; returns its path. */
export function writeTypeScript(folder: string, snippet: Snippet): string {
  return write(join(folder, 'snippets', `${nameOf(snippet)}.ts`), snippet.code);
}

/** Writes a snippet as an ES module, or as a CommonJS script that requires what it imports. */
export async function writeJavaScript(folder: string, snippet: Snippet, format: 'esm' | 'cjs'): Promise<string> {
  const code = format === 'esm' ? snippet.code : asFunction(snippet.code);
  const tsconfigRaw = { compilerOptions: { verbatimModuleSyntax: true } };
  const { code: plain } = await transform(code, { loader: 'ts', format, target: 'node20', tsconfigRaw });
  return write(join(folder, 'snippets', `${nameOf(snippet)}.${format === 'esm' ? 'mjs' : 'cjs'}`), plain);
}

/** CommonJS cannot wait at the top: all but the imports goes into a function. */
function asFunction(code: string): string {
  const { statements } = ts.createSourceFile('snippet.ts', code, ts.ScriptTarget.ES2022, true);
  const imports = statements.filter((statement) => ts.isImportDeclaration(statement));
  const rest = statements.filter((statement) => !ts.isImportDeclaration(statement));
  const text = (nodes: readonly ts.Statement[]) => nodes.map((node) => node.getText()).join('\n');
  return `${text(imports)}\n(async () => {\n${text(rest)}\n})().catch((error) => { console.error(error); process.exitCode = 1; });\n`;
}

function write(file: string, code: string): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${code}\n`);
  return file;
}

/** Puts the engines of the repository beside the packages, as a user installs one. */
export function linkEngines(folder: string): void {
  for (const name of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-backend-wasm']) {
    const [from, to] = [join(root, 'node_modules', name), join(folder, 'node_modules', name)];
    if (existsSync(from) && !existsSync(to)) symlinkSync(realpathSync(from), to);
  }
}
