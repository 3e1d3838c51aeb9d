import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runWell } from '../run.ts';
import { compile, writeConsumer } from './consumer.ts';
import { emptyFolder, installOffline, packAll, removeFolder } from './pack.ts';
import { snippets, writeTypeScript } from './snippets.ts';

/** The last of each minor version that may compile against our declarations. Asks the registry of npm for them. */
const VERSIONS = ['5.4.5', '5.5.4', '5.6.3', '5.7.3', '5.8.3', '5.9.3'];

describe("a user's strict type check of the packages and of the code on their pages", () => {
  let folder: string;
  let files: readonly string[];
  beforeAll(async () => {
    folder = emptyFolder('typescript');
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
    const tarballs = await packAll(folder);
    await installOffline(tarballs, folder);
    files = [writeConsumer(folder, tarballs), ...snippets.map((snippet) => writeTypeScript(folder, snippet))];
  });
  afterAll(() => removeFolder(folder));

  describe.each(VERSIONS)('TypeScript %s', (version) => {
    let compiler: typeof ts;
    beforeAll(async () => {
      const own = join(folder, 'compilers', version);
      mkdirSync(own, { recursive: true });
      writeFileSync(join(own, 'package.json'), JSON.stringify({ name: 'compiler', private: true }));
      await runWell('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', `typescript@${version}`], {
        cwd: own,
      });
      compiler = createRequire(join(own, 'package.json'))('typescript') as typeof ts;
    });

    it.each(['node16', 'bundler'] as const)('passes with moduleResolution %s', (moduleResolution) => {
      expect(compiler.version).toBe(version);
      expect(compile(folder, files, moduleResolution, compiler)).toEqual([]);
    });
  });
});
