import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InstallProgress } from './types.ts';
import { unpack } from './unpack.ts';

const hasPython = spawnSync('python3', ['--version']).status === 0;

// Needs a real Python: the script inside is what is tested.
describe.skipIf(!hasPython)('unpack', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'man-unpack-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const zip = (name: string, files: Record<string, string>) => {
    const path = join(dir, name);
    const script =
      'import json, sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], "w") as z:\n  for n, t in json.loads(sys.argv[2]).items(): z.writestr(n, t)';
    execFileSync('python3', ['-c', script, path, JSON.stringify(files)]);
    return path;
  };
  const seen: InstallProgress[] = [];
  const into = (wheels: string[]) =>
    unpack(wheels, join(dir, 'out'), {
      python: { command: 'python3', args: [], version: '3' },
      env: process.env,
      signal: new AbortController().signal,
      onProgress: (progress) => seen.push(progress),
    });
  const unpacked = () =>
    (readdirSync(join(dir, 'out'), { recursive: true, withFileTypes: true }) as { isDirectory(): boolean; name: string }[])
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => name)
      .sort();

  it('takes the libraries, the headers and the licences, and nothing else', async () => {
    const wheel = zip('tensorflow.whl', {
      'tensorflow/libtensorflow_cc.so.2': 'cc',
      'tensorflow/libtensorflow_framework.so.2': 'framework',
      'tensorflow/include/tensorflow/c/c_api.h': 'c',
      'tensorflow/include/xla/tsl/c/tsl_status.h': 'tsl',
      'tensorflow/include/external/eigen/Core.h': 'no',
      'tensorflow/python/ops.py': 'no',
      'tensorflow/THIRD_PARTY_NOTICES.txt': 'notices',
      'tensorflow/include/tensorflow/c/../../../../../escape.h': 'no',
    });
    await into([wheel]);
    expect(unpacked()).toEqual([
      'THIRD_PARTY_NOTICES.txt',
      'c_api.h',
      'libtensorflow_cc.so.2',
      'libtensorflow_framework.so.2',
      'tsl_status.h',
    ]);
    expect(seen.at(-1)).toMatchObject({ phase: 'unpack', done: 22, total: 22 });
  });

  it('puts CUDA beside TensorFlow, with a link where TensorFlow searches', async () => {
    await into([zip('a.whl', { 'tensorflow/libtensorflow_cc.so.2': 'cc' }), zip('b.whl', { 'nvidia/cudnn/lib/libcudnn.so.9': 'cudnn' })]);
    expect(readFileSync(join(dir, 'out/tensorflow/libcudnn.so.9'), 'utf8')).toBe('cudnn');
  });

  it('refuses what is cut off, is no wheel, or holds no library', async () => {
    const wheel = zip('cut.whl', { 'tensorflow/libtensorflow_cc.so.2': 'x'.repeat(5000) });
    truncateSync(wheel, 3000);
    await expect(into([wheel])).rejects.toMatchObject({ code: 'MAN_NATIVE_WHEEL' });
    writeFileSync(wheel, 'hello');
    await expect(into([wheel])).rejects.toMatchObject({ code: 'MAN_NATIVE_WHEEL' });
    await expect(into([zip('other.whl', { 'numpy/core.so': 'x' })])).rejects.toMatchObject({ code: 'MAN_NATIVE_NO_LIBRARY' });
  });

  it('notices content that does not fit its checksum', async () => {
    const wheel = zip('flip.whl', { 'tensorflow/libtensorflow_cc.so.2': 'abcdefgh'.repeat(100) });
    const bytes = readFileSync(wheel);
    bytes[bytes.indexOf('abcdefgh') + 40] = 0;
    writeFileSync(wheel, bytes);
    await expect(into([wheel])).rejects.toMatchObject({ code: 'MAN_NATIVE_WHEEL', message: expect.stringContaining('CRC') });
  });
});
