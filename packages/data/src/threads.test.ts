import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { memory } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLoader, createLoaderWith } from './loader.ts';
import type { LoaderOptions } from './loader-options.ts';
import { createPreparer, workerFileOf } from './preparer.ts';
import { bundle, bundleFolder } from './testing/bundle.ts';
import { all, countingSplit, digest, plain } from './testing/fixtures.ts';

const run = promisify(execFile);
const augment = { pad: 2, flip: true };
let folder = '';
let worker = '';

beforeAll(async () => {
  folder = bundleFolder('threads');
  worker = await bundle(folder, 'augment-worker.ts', 'augment-worker.mjs');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const threads = () => process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort' || kind === 'Worker').length;
const loaderOf = (options: LoaderOptions, shared = true) => createLoaderWith(countingSplit(50, [8, 8, 3], shared), options, worker);

const importsOf = (code: string) => [...code.matchAll(/^import .* from ?"([^"]+)";$/gm)].map(([, name]) => name as string);

/** A program with the pieces that it shares with others. */
function withChunks(file: string): string {
  const code = readFileSync(file, 'utf8');
  const chunks = importsOf(code).filter((name) => name.startsWith('./'));
  return [code, ...chunks.map((name) => withChunks(join(file, '..', name)))].join('\n');
}

describe('worker threads', () => {
  it('have a program without tfjs', () => {
    const code = withChunks(worker);
    expect(code).toContain('prepare');
    expect(code).not.toMatch(/tensorflow|tfjs/);
    expect(importsOf(code).filter((name) => !/^(node:|\.\/)/.test(name))).toEqual([]);
  });

  it.each([
    { workers: 1, prefetch: 1 },
    { workers: 1, prefetch: 4 },
    { workers: 2, prefetch: 3 },
  ])('give the batches that no thread gives: %o', async (spread) => {
    const options = { batch: 8, shuffle: true, seed: 9, augment };
    const expected = [1, 2].map(async (epoch) =>
      digest(await all(createLoader(countingSplit(50), { ...options, workers: 0 }).epoch(epoch))),
    );
    for (const shared of [true, false]) {
      const loader = loaderOf({ ...options, ...spread }, shared);
      expect(loader.workers).toBe(spread.workers);
      const got = [digest(await all(loader.epoch(1))), digest(await all(loader.epoch(2)))];
      expect(got).toEqual(await Promise.all(expected));
      await loader.close();
    }
  });

  it('end with an iteration that is left early, and with close', async () => {
    const tensors = memory().numTensors;
    const before = threads();
    const loader = loaderOf({ batch: 8, augment, workers: 2 });
    let batches = 0;
    for await (const batch of loader.epoch(1)) {
      plain(batch);
      // The first one does not wait for a thread to start.
      if (++batches < 2) continue;
      expect(threads()).toBeGreaterThan(before);
      break;
    }
    // A thread that was only starting takes a moment to end.
    await vi.waitFor(() => expect(threads()).toBe(before), 2000);
    // It can be used again, as if nothing had been.
    const whole = await all(loader.epoch(1));
    expect(whole).toHaveLength(7);
    await loader.close();
    expect([threads(), memory().numTensors]).toEqual([before, tensors]);
    await loader.close();
  });

  it('report a thread that fails', async () => {
    const broken = join(folder, 'broken.mjs');
    writeFileSync(broken, "export const nothing = 1;\nthrow new Error('cannot start');\n");
    const loader = createLoaderWith(countingSplit(50), { batch: 8, workers: 1 }, broken);
    await expect(all(loader.epoch(1))).rejects.toMatchObject({
      code: 'MAN_DATA_WORKER_FAILED',
      message: expect.stringContaining('cannot start'),
    });
    await loader.close();
  });

  it('let the process end by itself, without close', async () => {
    const preparer = await bundle(folder, 'preparer.ts', 'preparer.mjs');
    const script = join(folder, 'leave.mjs');
    writeFileSync(
      script,
      `import { createPreparer } from ${JSON.stringify(pathToFileURL(preparer).href)};
       const preparer = createPreparer(1, 2, false, ${JSON.stringify(worker)});
       const source = new Uint8Array(new SharedArrayBuffer(4)).fill(255);
       const rows = Uint32Array.of(0);
       const finish = { shape: [2, 2, 1], recipe: null, placements: null, normalization: null, range: null, stream: null };
       const out = { pixels: new Float32Array(new SharedArrayBuffer(16)), images: null };
       await preparer.prepare({ ...finish, out, numbers: rows, skip: false, pictures: { source, rows } }, () => false);
       console.log(out.pixels.join());`,
    );
    const started = Date.now();
    const { stdout } = await run(process.execPath, [script], { timeout: 4000 });
    expect(stdout.trim()).toBe('1,1,1,1');
    expect(Date.now() - started).toBeLessThan(3500);
  });
});

describe('createPreparer', () => {
  it('refuses threads whose program is not there', () => {
    expect(() => createPreparer(1, 2, false, join(folder, 'absent.js'))).toThrow(
      expect.objectContaining({ code: 'MAN_DATA_WORKER_MISSING' }),
    );
  });

  it('takes no threads from sources unless told to, and knows where they would be', () => {
    expect(createPreparer(undefined, 2, false).workers).toBe(0);
    expect(workerFileOf('file:///x/data/src/preparer.ts')).toEqual({ file: '/x/data/dist/augment-worker.js', built: false });
    expect(workerFileOf('file:///x/data/dist/index.js')).toEqual({ file: '/x/data/dist/augment-worker.js', built: true });
  });
});
