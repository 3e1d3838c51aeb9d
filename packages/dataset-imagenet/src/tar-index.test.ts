import { createRng } from '@man/base';
import { memorySource } from '@man/data';
import { describe, expect, it } from 'vitest';
import { tarEntries } from './tar-index.ts';
import { tar } from './testing/files.ts';

const entriesOf = async (bytes: Uint8Array) => {
  const found = [];
  for await (const entry of tarEntries(memorySource(bytes, 'file.tar'))) found.push(entry);
  return found;
};
const FILES = [
  ['a.JPEG', Buffer.from('first')],
  ['deep/b.JPEG', Buffer.alloc(1500, 7)],
  [`${'long/'.repeat(30)}c.JPEG`, Buffer.alloc(0)],
  ['d.JPEG', Buffer.alloc(512, 9)],
] as const;

/** A header with its sum put right. */
function signed(header: Buffer): Buffer {
  header.fill(0x20, 148, 156);
  const sum = header.subarray(0, 512).reduce((a, b) => a + b, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

describe('tarEntries', () => {
  it('finds every file and its bytes', async () => {
    const bytes = await tar(FILES);
    const found = await entriesOf(bytes);
    expect(found.map(({ name, size }) => [name, size])).toEqual(FILES.map(([name, content]) => [name, content.length]));
    for (const [i, { start, size }] of found.entries()) expect(bytes.subarray(start, start + size)).toEqual(FILES[i]?.[1]);
  });

  it.each<[string, (bytes: Buffer) => void]>([
    ['damaged', (bytes) => void bytes.write('x', 3)],
    ['ends behind the archive', (bytes) => void bytes.write('77777777777', 124)],
    ['ends behind the archive', (bytes) => void bytes.set([0x80, 0, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255], 124)],
    ['ends behind the archive', (bytes) => void bytes.write('9', 124)],
    ["is of type '2'", (bytes) => void bytes.write('2', 156)],
    ["with '..'", (bytes) => void bytes.write('../../evil\0', 0)],
    ['absolute', (bytes) => void bytes.write('/etc/evil\0', 0)],
    ['no name', (bytes) => void bytes.write('\0', 0)],
  ])('refuses an entry: %s', async (problem, change) => {
    const bytes = Buffer.from(await tar(FILES));
    change(bytes);
    if (problem !== 'damaged') signed(bytes);
    await expect(entriesOf(bytes)).rejects.toMatchObject({ code: 'MAN_IMAGENET_TAR', message: expect.stringContaining(problem) });
  });

  it('survives every truncation and any changed byte with a named error or a list', async () => {
    const rng = createRng('tar');
    const good = Buffer.from(await tar(FILES));
    for (let i = 0; i < 600; i++) {
      const changed = Buffer.from(i % 4 === 0 ? good.subarray(0, rng.integer(good.length)) : good);
      const header = 512 * rng.integer(Math.max(1, Math.floor(changed.length / 512)));
      for (let k = 0; k <= rng.integer(3) && changed.length > 0; k++)
        changed[Math.min(changed.length - 1, header + rng.integer(512))] = rng.integer(256);
      if (i % 3 === 0 && changed.length >= header + 512) signed(changed.subarray(header, header + 512));
      const found = await entriesOf(changed).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'MAN_IMAGENET_TAR' });
        return [];
      });
      for (const { start, size } of found) expect(start + size).toBeLessThanOrEqual(changed.length);
    }
  });
});
