import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DiskFull } from './disk-full-child.ts';
import { runAsProcess } from './kill.ts';

/** A disk of so few bytes that is gone with the process: a file system in memory, in a name space of its own. */
const onDisk = (size: string, at: string) => [
  'unshare',
  '-rm',
  'sh',
  '-c',
  `mount -t tmpfs -o size=${size} tmpfs '${at}' && exec "$@"`,
  'sh',
];

const [unshare = '', ...probe] = [...onDisk('1m', '/mnt'), 'true'];
const isPermitted = spawnSync(unshare, probe).status === 0;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'man-disk-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(!isPermitted)(`a disk that is full${isPermitted ? '' : ' (skipped: no small disk can be mounted here)'}`, () => {
  it('ends the run with an error that says so; the last good checkpoint stays, and the run goes on from it bit for bit', async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const { code, stdout, problems } = await runAsProcess('disk-full-child.ts', [disk, join(folder, 'whole')], onDisk('1m', disk)).ended;
    expect(code, problems).toBe(0);
    const report = JSON.parse(stdout) as DiskFull;
    expect(report.code).toBe('MAN_TRACK_WRITE_FAILED');
    expect(report.message).toMatch(/step-00000007\.safetensors.*full/);
    expect(report.hint).toMatch(/space/);
    expect(report.left).toEqual(['step-00000005.safetensors', 'step-00000006.safetensors']);
    expect(report.resumedFrom).toBe(6);
    expect(report.differences).toEqual([]);
  });
});
