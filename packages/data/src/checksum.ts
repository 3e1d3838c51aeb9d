import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { diskError, wrongChecksum } from './errors.ts';

/** What a file's bytes must hash to, in hexadecimal. */
export interface Checksum {
  readonly algorithm: 'md5' | 'sha256';
  readonly hex: string;
}

/**
 * Checks a whole file against a published checksum.
 *
 * @throws `MAN_DATA_CHECKSUM`, `MAN_DATA_DISK`
 */
export async function verifyFile(path: string, checksum: Checksum): Promise<void> {
  const hash = createHash(checksum.algorithm);
  await hashFile(path, hash);
  const found = hash.digest('hex');
  if (found !== checksum.hex.toLowerCase()) {
    throw wrongChecksum({ from: path, file: path, algorithm: checksum.algorithm, expected: checksum.hex.toLowerCase(), found });
  }
}

/** Adds a file's bytes to a hash; resolves to how many they are. */
export async function hashFile(path: string, hash: Hash): Promise<number> {
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
  } catch (cause) {
    throw diskError('read', path, cause);
  }
  return bytes;
}
