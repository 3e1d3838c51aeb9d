import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadTrainConfig } from './configuration.ts';
import { openDataset } from './data.ts';
import { quoted } from './worker.ts';

// Six thousand pictures take seconds to draw, and are not what is tested here.
vi.mock('@man/dataset-shapes', async (original) => {
  const { shapes, ...rest } = await original<typeof import('@man/dataset-shapes')>();
  return { ...rest, shapes: (options = {}) => shapes({ train: 30, test: 10, ...options }) };
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'man-data-'));
  // No file outside the folder, and no network.
  vi.stubEnv('MAN_DATA_DIR', '');
  vi.stubEnv('XDG_CACHE_HOME', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const open = (...overrides: string[]) =>
  openDataset(loadTrainConfig([`data.dir=${quoted(folder)}`, ...overrides]).config, new AbortController().signal);

describe('openDataset', () => {
  it('generates shapes', async () => {
    const { dataset, message } = await open('dataset=shapes', 'dataset.train=20', 'dataset.test=10');
    expect([dataset.name, dataset.train.size, dataset.test.size, message]).toEqual(['shapes', 20, 10, 'shapes, generated pictures']);
  });

  it('falls back to shapes where a download is not allowed, and says so', async () => {
    const { dataset, message } = await open('data.download=false');
    expect(dataset.name).toBe('shapes');
    expect(message).toContain('CIFAR-10 is in none of');
  });

  it('falls back to shapes soon where the server cannot be reached', async () => {
    vi.stubEnv('MAN_CIFAR10_URL', 'http://127.0.0.1:9/cifar-10-binary.tar.gz');
    const start = performance.now();
    const { dataset, message } = await open();
    expect(dataset.name).toBe('shapes');
    expect(message).toContain('could not be reached');
    expect(performance.now() - start).toBeLessThan(4000);
  });

  it('falls back to shapes where the server has no such file', async () => {
    const server = createServer((_, response) => response.writeHead(404).end()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.on('listening', resolve));
    vi.stubEnv('MAN_CIFAR10_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.tar.gz`);
    const { dataset, message } = await open();
    server.close();
    expect(dataset.name).toBe('shapes');
    expect(message).toContain('404');
  });

  it('does not pass over files that are there and damaged', async () => {
    const set = join(folder, 'cifar-10-batches-bin');
    await mkdir(set);
    for (const name of [...[1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`), 'test_batch.bin']) await writeFile(join(set, name), 'short');
    await expect(open()).rejects.toMatchObject({ code: 'MAN_CIFAR10_SIZE' });
    await rm(join(set, 'test_batch.bin'));
    await expect(open()).rejects.toMatchObject({ code: 'MAN_CIFAR10_FILE_MISSING' });
  });

  it('does not replace CIFAR-10 that was asked for by name', async () => {
    await expect(open('dataset=cifar10', 'data.download=false')).rejects.toMatchObject({ code: 'MAN_CIFAR10_NOT_FOUND' });
  });
});
