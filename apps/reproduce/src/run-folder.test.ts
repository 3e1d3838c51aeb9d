import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTrainConfig } from './configuration.ts';
import { createRunFolder } from './run-folder.ts';
import { quoted } from './worker.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'man-run-'));
});
afterAll(() => rm(root, { recursive: true }));

const make = (overrides: string[], now?: Date) => createRunFolder(loadTrainConfig(overrides), now);
const below = (name: string) => `run.root=${quoted(join(root, name))}`;

describe('createRunFolder', () => {
  it('gives two runs of one second a folder each, with the configuration in it', async () => {
    const now = new Date(2024, 0, 31, 9, 5, 7);
    const folders = await Promise.all([1, 2, 3].map(() => make([below('a'), 'run.name=first', 'seed=7'], now)));
    const names = folders.map(({ path }) => path.slice(join(root, 'a').length + 1)).sort();
    expect(names).toEqual(['2024-01-31/09-05-07-first', '2024-01-31/09-05-07-first-2', '2024-01-31/09-05-07-first-3']);
    const { config } = loadTrainConfig([`@${folders[0]?.file('overrides.txt')}`]);
    expect([config.seed, config.run.name]).toEqual([7, 'first']);
    expect(await readFile(folders[0]?.file('config.yaml') as string, 'utf8')).toContain('seed: 7');
  });

  it('takes away what it made when the run never began', async () => {
    const folder = await make([below('b')]);
    await folder.discard();
    await expect(stat(join(root, 'b'))).rejects.toThrow('ENOENT');
  });

  it('does not take away what it did not make', async () => {
    const folder = await make([below('c')]);
    await writeFile(folder.file('mine.txt'), 'x');
    await folder.discard();
    expect(await readdir(folder.path)).toEqual(['mine.txt']);
  });

  it('takes an empty folder by its name, and refuses one with files', async () => {
    const dir = join(root, 'd');
    await mkdir(dir);
    expect((await make([`run.dir=${quoted(dir)}`])).path).toBe(dir);
    await expect(make([`run.dir=${quoted(dir)}`])).rejects.toMatchObject({ code: 'MAN_REPRODUCE_FOLDER_IN_USE' });
    expect(await readdir(dir)).toEqual(['config.yaml', 'overrides.txt']);
  });

  it('says where it cannot write', async () => {
    await writeFile(join(root, 'file'), '');
    const failure = { code: 'MAN_REPRODUCE_FOLDER', hint: expect.stringContaining('run.root=') };
    await expect(make([below('file/x')])).rejects.toMatchObject(failure);
    await expect(make([`run.dir=${quoted(join(root, 'file'))}`])).rejects.toMatchObject(failure);
  });

  it.runIf(process.platform === 'linux')('ends where a file system refuses all folders', async () => {
    await expect(make(['run.root=/proc/none/here'])).rejects.toMatchObject({ code: 'MAN_REPRODUCE_FOLDER' });
  });
});

describe('quoted', () => {
  it.each(["it's", 'a, b=[c]', 'C:\\runs\\new', `\${seed}`, '100$', ' x '])('carries %j through an override', (text) => {
    expect(loadTrainConfig([`run.label=${quoted(text)}`]).config.run.label).toBe(text);
  });
});
