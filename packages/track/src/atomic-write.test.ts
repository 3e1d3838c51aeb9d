import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isManError, type ManError } from '@man/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atomicWrite } from './atomic-write.ts';
import { writeFailed } from './errors.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'man-atomic-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function failure(promise: Promise<unknown>): Promise<ManError> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (!isManError(error, 'MAN_TRACK_WRITE_FAILED')) throw error;
  return error;
}

describe('atomicWrite', () => {
  it('writes text, bytes and parts, makes folders and replaces', async () => {
    const file = join(folder, 'new', 'deep', 'a.txt');
    await atomicWrite(file, 'grüße');
    expect(await readFile(file, 'utf8')).toBe('grüße');
    await atomicWrite(file, Uint8Array.of(104, 105));
    expect(await readFile(file, 'utf8')).toBe('hi');
    await atomicWrite(
      file,
      (async function* () {
        yield 'one ';
        yield Buffer.from('two');
      })(),
    );
    expect(await readFile(file, 'utf8')).toBe('one two');
    expect(await readdir(join(folder, 'new', 'deep'))).toEqual(['a.txt']);
  });

  it('keeps the former file and leaves no temporary one when the data fail half way', async () => {
    const file = join(folder, 'half', 'b.txt');
    await atomicWrite(file, 'former');
    const parts = (async function* () {
      yield 'half';
      throw new RangeError('no more');
    })();
    await expect(atomicWrite(file, parts)).rejects.toThrow(RangeError);
    expect(await readFile(file, 'utf8')).toBe('former');
    expect(await readdir(join(folder, 'half'))).toEqual(['b.txt']);
  });

  it('takes the longest name a file system allows', async () => {
    const file = join(folder, `${'ä'.repeat(120)}.json`);
    await atomicWrite(file, '{}');
    expect(await readFile(file, 'utf8')).toBe('{}');
  });

  it('says where, why and what to do', async () => {
    await writeFile(join(folder, 'file'), '');
    const inFile = await failure(atomicWrite(join(folder, 'file', 'x.txt'), ''));
    expect(inFile.message).toMatch(/file.x\.txt.*is a file, not a folder/);
    await mkdir(join(folder, 'dir'));
    const onFolder = await failure(atomicWrite(join(folder, 'dir'), ''));
    expect(onFolder.message).toMatch(/it is a folder/);
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it.each([
    ['ENOSPC', /disk is full/, /free some space/],
    ['EROFS', /read-only/, /can be written/],
    ['EACCES', /permission/, /permissions/],
    ['EIO', /failed: EIO/, /check the path/],
  ])('explains %s', (code, message, hint) => {
    const error = writeFailed('/out/x', Object.assign(new Error(`${code}: some text`), { code }));
    expect(error.message).toMatch(message);
    expect(error.message).toContain('/out/x');
    expect(error.hint).toMatch(hint);
  });

  it.runIf(process.platform === 'linux')('fails, and does not hang, where no folder can be made', async () => {
    expect((await failure(atomicWrite('/proc/man-track-test/deep/x', ''))).message).toContain('/proc/man-track-test/deep/x');
  });
});
