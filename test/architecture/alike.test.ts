import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { isPage, publicRooms, readJson, rooms, root, shippedFiles, short } from '../workspace.ts';

const MAX_LINES = 310;
const parse = (file: string) => ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true);

/** Calls of `found` for every node of a file. */
function walk(node: ts.Node, found: (node: ts.Node) => void): void {
  found(node);
  ts.forEachChild(node, (child) => walk(child, found));
}

/** Lines (`file:line`) of the nodes that a test does not want. */
function unwanted(files: readonly string[], isUnwanted: (node: ts.Node, source: ts.SourceFile) => boolean): string[] {
  return files.flatMap((file) => {
    const source = parse(file);
    const lines: string[] = [];
    walk(source, (node) => {
      if (isUnwanted(node, source)) lines.push(`${short(file)}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`);
    });
    return lines;
  });
}

const isDefaultExport = (node: ts.Node) =>
  ts.canHaveModifiers(node) && ts.getModifiers(node)?.some((m) => m.kind === ts.SyntaxKind.DefaultKeyword);

describe.each(rooms.map((room) => ({ room, name: room.manifest.name, shipped: shippedFiles(room) })))(
  '$name',
  ({ room, name, shipped }) => {
    const { manifest } = room;
    const indices = isPage(room) ? [] : [join(room.folder, 'src/index.ts')];

    it('has the same files as its neighbours', () => {
      const own = isPage(room) ? ['vite.config.ts', 'src/main.ts'] : ['tsup.config.ts', 'src/index.ts'];
      const files = ['README.md', 'package.json', 'tsconfig.json', ...own];
      expect(files.filter((file) => !existsSync(join(room.folder, file)))).toEqual([]);
    });

    it('has the same package.json as its neighbours', () => {
      expect(manifest).toMatchObject({
        name: `@man/${room.name}`,
        version: rooms[0]!.manifest.version,
        license: 'MIT',
        type: 'module',
        engines: readJson(`${root}/package.json`).engines,
        description: expect.stringMatching(/^.{20,160}$/),
        files: expect.arrayContaining(['dist', 'README.md']),
        scripts: { build: isPage(room) ? 'vite build --logLevel warn' : 'tsup' },
      });
      const files = [
        'dist',
        'README.md',
        ...(manifest.bin === undefined ? [] : ['bin']),
        ...(room.name === 'reproduce' ? ['conf', 'paper'] : []),
        ...(room.name === 'native' ? ['kernels'] : []),
        ...(room.name === 'data' ? ['NOTICE.md'] : []),
      ];
      expect([...(manifest.files ?? [])].sort()).toEqual(files.sort());
      for (const [command, path] of Object.entries(manifest.bin ?? {})) expect(path).toBe(`./bin/${command}.js`);
    });

    if (publicRooms.includes(room))
      it('offers one entry, its types first', () => {
        expect(Object.entries(manifest.exports as object)).toEqual([
          ['.', { types: './dist/index.d.ts', default: './dist/index.js' }],
          ['./package.json', './package.json'],
        ]);
        expect(Object.keys((manifest.exports as Record<string, object>)['.']!)).toEqual(['types', 'default']);
        expect(manifest.sideEffects).toBe(name === '@man/ops');
        expect(manifest.scripts?.['check:package']).toBe('publint --strict && attw --pack . --profile esm-only');
      });

    it('pins exact versions', () => {
      const { dependencies, devDependencies, optionalDependencies } = manifest;
      const all = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
      expect(all.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
      expect(all.filter(([other, version]) => other.startsWith('@man/') && version !== manifest.version)).toEqual([]);
      expect(Object.entries(manifest.peerDependencies ?? {}).filter(([, range]) => !/^\^\d+\.\d+\.\d+$/.test(range))).toEqual([]);
    });

    it('re-exports in index.ts, and does nothing else', () => {
      const index = indices.flatMap((file) => [...parse(file).statements]);
      expect(index.filter((statement) => !ts.isExportDeclaration(statement)).map((statement) => statement.getText())).toEqual([]);
    });

    it('has no other barrel', () => {
      const isBarrel = (file: string) => parse(file).statements.every((statement) => ts.isExportDeclaration(statement));
      expect(shipped.filter(isBarrel)).toEqual(indices);
    });

    it('makes its errors in errors.ts', () => {
      const outside = shipped.filter((file) => basename(file) !== 'errors.ts');
      const makes = (node: ts.Node) => ts.isNewExpression(node) && node.expression.getText() === 'ManError';
      expect(unwanted(outside, makes)).toEqual([]);
    });

    it('has no default export', () => {
      const isDefault = (node: ts.Node) =>
        ts.isExportAssignment(node) || isDefaultExport(node) === true || (ts.isExportSpecifier(node) && node.name.text === 'default');
      expect(unwanted(shipped, isDefault)).toEqual([]);
    });

    if (room.kind === 'package')
      it('never writes to the console', () => {
        const silent = shipped.filter((file) => !/^cli/.test(basename(file)));
        const isConsole = (node: ts.Node) => ts.isPropertyAccessExpression(node) && node.expression.getText() === 'console';
        const isStream = (node: ts.Node) => ts.isPropertyAccessExpression(node) && /^process\.(stdout|stderr)\.write$/.test(node.getText());
        expect(unwanted(silent, (node) => isConsole(node) || isStream(node))).toEqual([]);
      });

    it('names files and folders in kebab-case', () => {
      expect(shipped.map(short).filter((file) => !/^[a-z0-9/.-]+$/.test(file))).toEqual([]);
    });

    it(`keeps files below ${MAX_LINES} lines`, () => {
      const lines = (file: string) => readFileSync(file, 'utf8').split('\n').length;
      expect(shipped.filter((file) => lines(file) > MAX_LINES).map(short)).toEqual([]);
    });
  },
);

describe('the root', () => {
  it('pins exact versions and is not published', () => {
    const manifest = readJson(`${root}/package.json`);
    expect(manifest.private).toBe(true);
    expect(Object.entries(manifest.devDependencies ?? {}).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });
});
