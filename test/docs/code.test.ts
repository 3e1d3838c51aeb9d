import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { requireBuilt } from '../built.ts';
import { run } from '../run.ts';
import { root } from '../workspace.ts';
import { type Fence, fencesOf, pages } from './fences.ts';

/** Inside the repository, so that Node finds the packages; ignored by git. */
const FOLDER = join(root, 'node_modules/.cache/man-readme');

const code = pages()
  .flatMap(fencesOf)
  .filter((fence) => /^(ts|typescript)\b/.test(fence.info))
  .map((fence) => ({ ...fence, file: join(FOLDER, `${fence.at.replace(/[^A-Za-z0-9]+/g, '-')}`, 'snippet.mts') }));

beforeAll(() => {
  rmSync(FOLDER, { recursive: true, force: true });
  for (const fence of code) {
    mkdirSync(join(fence.file, '..'), { recursive: true });
    // Empty lines in front: a message then names the line of the page.
    writeFileSync(fence.file, `${'\n'.repeat(fence.line - 1)}${fence.code}\n`);
  }
});

describe('code on the pages', () => {
  it('is marked `ts` or `ts run`', () => {
    expect(code.filter(({ info }) => info !== 'ts' && info !== 'ts run').map(({ at, info }) => `${at}: ${info}`)).toEqual([]);
    expect(code.length).toBeGreaterThan(10);
  });

  it('passes the type checker', { timeout: 120_000 }, () => {
    expect(problems(code)).toEqual([]);
  });
});

describe('code on the pages that is marked `ts run`', () => {
  beforeAll(requireBuilt);

  it.each(code.filter(({ info }) => info === 'ts run'))('$at runs', { timeout: 120_000 }, async ({ file }) => {
    const ended = await run(process.execPath, ['--import', 'tsx', file], { cwd: join(file, '..') });
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
  });
});

/** What TypeScript says about the snippets, in one program against the sources, with the options of the repository. */
function problems(fences: readonly (Fence & { file: string })[]): string[] {
  const base = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile).config as { compilerOptions: object };
  const { options, errors } = ts.convertCompilerOptionsFromJson({ ...base.compilerOptions, types: ['node'] }, root);
  const program = ts.createProgram(
    fences.map(({ file }) => file),
    options,
  );
  const found = fences.flatMap((fence) => {
    const source = program.getSourceFile(fence.file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(({ start, messageText }) => {
      const line = (source?.getLineAndCharacterOfPosition(start ?? 0).line ?? 0) + 1;
      return `${fence.page}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
  });
  const general = [...errors, ...program.getOptionsDiagnostics()].map(({ messageText }) =>
    ts.flattenDiagnosticMessageText(messageText, '\n'),
  );
  return [...general, ...found];
}
