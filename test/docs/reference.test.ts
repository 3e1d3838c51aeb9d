import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, run } from '../run.ts';
import { publicRooms, root } from '../workspace.ts';

describe('the reference (npm run docs)', () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'man-reference-')), 'api');
  let ended: Ended;
  beforeAll(async () => {
    const args = [join(root, 'node_modules/tsx/dist/cli.mjs'), join(root, 'tools/docs/build.ts'), folder];
    ended = await run(process.execPath, args, { cwd: root, timeoutMs: 900_000 });
  }, 900_000);
  afterAll(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

  it('is built without a warning: every link leads somewhere, every type that is used is exported', () => {
    expect(ended, `${ended.stdout}\n${ended.stderr}`).toMatchObject({ code: 0 });
    expect(`${ended.stdout}${ended.stderr}`).not.toMatch(/warning|error/i);
  });

  it.each(publicRooms.map(({ manifest }) => manifest.name))('has a page of %s', (name) => {
    expect(existsSync(join(folder, 'modules', `${name.replace('@', '_').replace('/', '_')}.html`))).toBe(true);
  });

  it('has pages of functions and of how-tos', () => {
    for (const page of [
      'functions/_man_core.createTrainer.html',
      'interfaces/_man_core.TrainerPlugin.html',
      'documents/docs_how-to_plugin.html',
    ])
      expect(existsSync(join(folder, page)), page).toBe(true);
  });
});
