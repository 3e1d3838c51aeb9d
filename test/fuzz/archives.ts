import { existsSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import type { Rng } from '@man/base';
import { unpackTarGz } from '@man/data';
import { type Header, pack } from 'tar-stream';
import { pick, type Reader } from './cases.ts';
import { damage, noise } from './damage.ts';

const BLOCK = 512;

/** A tar archive whose headers are damaged and have the right checksum all the same. */
export function resigned(rng: Rng, good: Uint8Array): Buffer {
  const bytes = Buffer.from(good);
  const headers = blocksWith(bytes, 'ustar');
  for (let i = 0; i <= rng.integer(2) && headers.length > 0; i++) {
    const header = bytes.subarray(pick(rng, headers)).subarray(0, BLOCK);
    // Names, then numbers, type and the name's beginning.
    const [from, length] = pick(rng, [
      [0, 20],
      [124, 12],
      [156, 1],
      [156, 1],
      [257, 8],
      [345, 30],
    ] as const);
    if (rng.integer(3) === 0)
      header.write(pick(rng, ['../../evil', '/tmp/man-fuzz-evil', '77777777777', '00000000000', 'L', 'x', '2', '1']), from, 'latin1');
    else noise(rng, length).copy(header, from);
    sign(header);
  }
  return bytes;
}

const blocksWith = (bytes: Buffer, word: string) =>
  Array.from({ length: Math.floor(bytes.length / BLOCK) }, (_, i) => i * BLOCK).filter(
    (at) => bytes.toString('latin1', at + 257, at + 262) === word,
  );

function sign(header: Buffer): void {
  header.fill(0x20, 148, 156);
  const sum = header.reduce((a, b) => a + b, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

const NAMES = [
  ...['set/a.txt', 'set/b/c.txt', 'set/../../evil', '../evil', '/tmp/man-fuzz-evil', 'set/./d', 'set//e', 'set/b', 'set', '.', '..', ''],
  ...['set/..', 'C:\\evil', 'set\\..\\..\\evil', `set/${'x'.repeat(300)}`, 'set/\u202egnp.exe', 'set/a\nb', `${'deep/'.repeat(60)}f`],
];
const TYPES = ['file', 'file', 'file', 'directory', 'symlink', 'link', 'fifo', 'character-device', 'contiguous-file'] as const;

/** An archive that was made to do harm. */
async function hostile(rng: Rng): Promise<Buffer> {
  const archive = pack();
  for (let i = 0; i <= rng.integer(5); i++) {
    const type = rng.integer(3) === 0 ? pick(rng, TYPES) : 'file';
    const bytes = type === 'file' ? noise(rng, rng.integer(300)) : Buffer.alloc(0);
    const header: Partial<Header> & { name: string } & { pax?: Record<string, string> } = {
      name: pick(rng, NAMES),
      type,
      size: bytes.length,
      mode: pick(rng, [0o644, 0o6777, 0]),
    };
    if (type === 'symlink' || type === 'link') header.linkname = pick(rng, ['/etc', '..', '../..', 'set', 'set/a.txt']);
    if (rng.integer(4) === 0)
      header.pax = { path: pick(rng, NAMES), ...(rng.integer(2) === 0 ? { size: pick(rng, ['0', '9e15', '-1', '1']) } : {}) };
    archive.entry(header, bytes);
  }
  archive.finalize();
  const plain = await buffer(archive as unknown as AsyncIterable<Uint8Array>);
  return gzipSync(rng.integer(2) === 0 ? plain : resigned(rng, plain));
}

/** Readers of archives that write to disk. */
export const ARCHIVES: readonly Reader[] = [
  {
    name: 'archives made to do harm',
    codes: /^MAN_DATA_(BROKEN_ARCHIVE|UNSAFE_ARCHIVE|DISK)$/,
    megabytes: 150,
    async attempt(rng, folder) {
      const file = join(folder, 'set.tar.gz');
      const bytes = await hostile(rng);
      await writeFile(file, rng.integer(4) === 0 ? damage(rng, bytes) : bytes);
      const unpacking = unpackTarGz(file, join(folder, 'out', 'set'), { strip: rng.integer(2), maxBytes: 1e6 });
      await unpacking.catch(() => {});
      // All of it is in the folder it was meant for, or nothing is left.
      const strays = [...readdirSync(folder).filter((name) => name !== 'out' && name !== 'set.tar.gz'), ...strayIn(join(folder, 'out'))];
      if (existsSync('/tmp/man-fuzz-evil')) strays.push('/tmp/man-fuzz-evil');
      if (strays.length > 0) throw new Error(`wrote ${strays.join(', ')}`);
      await unpacking;
    },
  },
];

const strayIn = (folder: string) => (existsSync(folder) ? readdirSync(folder).filter((name) => name !== 'set') : []);
