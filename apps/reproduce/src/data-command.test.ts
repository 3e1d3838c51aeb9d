import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Verification, VerifyOptions } from '@man/data';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from './program.ts';
import { captureOutput } from './testing-program.ts';
import { quoted } from './worker.ts';

// No file here is the published one: what is compared is tested where the set is read.
vi.mock('@man/dataset-svhn', async (original) => ({
  ...(await original<typeof import('@man/dataset-svhn')>()),
  verifySvhn: async ({ onCheck, onProgress }: VerifyOptions): Promise<Verification> => {
    onProgress?.({ file: 'train_32x32.mat', bytes: 5, total: 10 });
    const check = { subject: 'train_32x32.mat, bytes', expected: '10', found: '10', isRight: true };
    onCheck?.(check);
    return { dataset: 'svhn', path: '/data/svhn', checks: [check] };
  },
}));

// A test is a child process itself, which must not end with its parent's channel.
vi.mock('./stop.ts', () => ({ listenForStop: () => ({ signal: new AbortController().signal, exitCode: () => 0, dispose() {} }) }));

let folder: string;
const output = captureOutput();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'man-data-command-'));
  vi.stubEnv('MAN_DATA_DIR', '');
  vi.stubEnv('XDG_CACHE_HOME', folder);
});
afterEach(() => rm(folder, { recursive: true }));

const data = (...words: string[]) => main(['data', ...words, `data.dir=${quoted(folder)}`]);

/** STL-10 with one picture in each half. */
async function writeStl10(): Promise<void> {
  const set = join(folder, 'stl10_binary');
  await mkdir(set);
  for (const half of ['train', 'test']) {
    await writeFile(join(set, `${half}_X.bin`), Buffer.alloc(27_648, 77));
    await writeFile(join(set, `${half}_y.bin`), Buffer.of(3));
  }
}

describe('man-reproduce data verify', () => {
  it('ends with 0 where all agrees, and says so', async () => {
    expect(await data('verify', 'dataset=svhn')).toBe(0);
    expect(output.stdout).toBe('/data/svhn: as published (1 checks)\n');
    expect(output.stderr).toContain('right  train_32x32.mat, bytes: 10\n');
  });

  it('ends with 1 where something differs, as lines or as JSON', async () => {
    await writeStl10();
    expect(await data('verify', 'dataset=stl10')).toBe(1);
    expect(output.stderr).toContain('wrong  train_X.bin, bytes: expected 138240000, found 27648\n');
    expect(output.stdout).toMatch(/stl10_binary: \d+ of \d+ checks differ from what was published\n$/);
    [output.stdout, output.stderr] = ['', ''];
    expect(await data('verify', 'dataset=stl10', '--json')).toBe(1);
    expect([output.stdout.trimEnd().split('\n').length, output.stderr]).toEqual([1, '']);
    const result = JSON.parse(output.stdout);
    expect(result).toMatchObject({ dataset: 'stl10', isRight: false, path: join(folder, 'stl10_binary') });
    expect(result.checks).toContainEqual({ subject: 'stl10/train, pictures', expected: '5000', found: '1', isRight: false });
  });

  it.each([
    ['dataset=stl10', 1, 'MAN_STL10_NOT_FOUND'],
    ['dataset=imagenet', 1, 'MAN_IMAGENET_NOT_FOUND'],
    ['dataset=cifar100', 1, 'MAN_CIFAR10_NOT_FOUND'],
    ['dataset=shapes', 2, 'MAN_REPRODUCE_NOTHING_TO_VERIFY'],
    ['dataset=mnist', 2, 'MAN_CONFIG_'],
  ])('says what is wrong with %s: exit code %i', async (override, code, words) => {
    expect(await data('verify', override)).toBe(code);
    expect([output.stdout, output.stderr]).toEqual(['', expect.stringContaining(words)]);
  });
});

describe('man-reproduce data show', () => {
  it('writes one page with the pictures of four batches and their labels', async () => {
    const out = join(folder, 'page.html');
    const words = ['dataset=shapes', 'dataset.train=30', 'dataset.test=5', '--out', out, '--pictures', '8', '--json'];
    expect(await data('show', ...words)).toBe(0);
    expect(JSON.parse(output.stdout)).toEqual({ dataset: 'shapes', out, pictures: 29 });
    const page = await readFile(out, 'utf8');
    expect(page.match(/<img /g)).toHaveLength(29);
    expect(page.match(/<h2>/g)).toHaveLength(5);
    expect(page).not.toContain('<script');
    const [first, plain] = [0, 8].map((i) => page.match(/<img [^>]*>/g)?.[i]);
    // The same picture, augmented and plain.
    expect(first?.match(/alt="[^"]*"/)?.[0]).toBe(plain?.match(/alt="[^"]*"/)?.[0]);
    expect(first).not.toBe(plain);
    [output.stdout, output.stderr] = ['', ''];
    expect(
      await data('show', 'dataset=shapes', 'dataset.train=30', 'dataset.test=5', '--out', join(folder, 'again.html'), '--pictures', '8'),
    ).toBe(0);
    expect(output.stdout).toMatch(/^file:\/\/.*again\.html\n$/);
    expect((await readFile(join(folder, 'again.html'), 'utf8')).match(/<img [^>]*>/g)).toEqual(page.match(/<img [^>]*>/g));
  });

  it('shows pictures of other sizes', async () => {
    await writeStl10();
    expect(await data('show', 'dataset=stl10', '--out', join(folder, 'page.html'))).toBe(0);
    expect(await readFile(join(folder, 'page.html'), 'utf8')).toContain('<figcaption>car</figcaption>');
  });

  it.each([
    [['--pictures', '0'], 2, 'MAN_REPRODUCE_OPTION'],
    [['--out', '/proc/none/page.html', 'dataset.train=10', 'dataset.test=10'], 1, 'MAN_REPRODUCE_OUTPUT'],
  ])('refuses %j with exit code %i', async (words, code, error) => {
    expect(await data('show', 'dataset=shapes', ...words)).toBe(code);
    expect([output.stdout, output.stderr]).toEqual(['', expect.stringContaining(error)]);
  });
});
