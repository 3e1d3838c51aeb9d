import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isManError } from '@man/base';
import type { Checksum } from './checksum.ts';
import type { ImageSplit } from './dataset.ts';
import { diskError } from './errors.ts';
import type { SourceOptions } from './source-options.ts';

/** One thing that was looked at. */
export interface Check {
  /** What: `train_X.bin, bytes`. */
  readonly subject: string;
  readonly expected: string;
  readonly found: string;
  readonly isRight: boolean;
}

/** A file while it is read for its checksum. */
export interface VerifyProgress {
  readonly file: string;
  readonly bytes: number;
  readonly total: number;
}

/** What the verification of a data set can be told. */
export interface VerifyOptions extends Pick<SourceOptions, 'dataDir' | 'signal' | 'env'> {
  /** Called at most ten times a second, and at the end of each file. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
  /** Called for each check as soon as it is made. */
  readonly onCheck?: ((check: Check) => void) | undefined;
}

/** A data set compared with what was published. */
export interface Verification {
  readonly dataset: string;
  /** What was looked at: a folder or a file. */
  readonly path: string;
  readonly checks: readonly Check[];
}

/** A file as published. */
export interface PublishedFile {
  readonly name: string;
  readonly bytes: number;
  /** Null where none was published. */
  readonly checksum: Checksum | null;
}

/** What is known of the labels of one half. */
export interface PublishedLabels {
  readonly size: number;
  /** The first labels, as the set gives them. */
  readonly first: readonly number[];
  /** Pictures per class, by label. */
  readonly counts: readonly number[];
}

/** Collects checks and tells of each. */
export class Checker {
  readonly checks: Check[] = [];

  constructor(private readonly options: VerifyOptions) {}

  add(subject: string, expected: string | number, found: string | number): boolean {
    const check = { subject, expected: String(expected), found: String(found), isRight: String(expected) === String(found) };
    this.checks.push(check);
    this.options.onCheck?.(check);
    return check.isRight;
  }

  /** Presence, size and checksum of files in a folder. A checksum is not computed where the size is wrong already. */
  async files(folder: string, files: readonly PublishedFile[]): Promise<void> {
    for (const { name, bytes, checksum } of files) {
      const path = join(folder, name);
      if (!existsSync(path)) {
        this.add(name, 'there', 'missing');
        continue;
      }
      const { size } = statSync(path);
      if (!this.add(`${name}, bytes`, bytes, size) || checksum === null) continue;
      this.add(`${name}, ${checksum.algorithm}`, checksum.hex, await this.#hash(path, checksum, size));
    }
  }

  /** The checksum of a file whose size was not published. */
  async checksum(folder: string, name: string, checksum: Checksum): Promise<void> {
    const path = join(folder, name);
    this.add(`${name}, ${checksum.algorithm}`, checksum.hex, await this.#hash(path, checksum, statSync(path).size));
  }

  /** Number, first labels and classes of one half. */
  labels({ name, labels }: Pick<ImageSplit, 'name' | 'labels'>, { size, first, counts }: PublishedLabels): void {
    this.add(`${name}, pictures`, size, labels.length);
    if (first.length > 0) this.add(`${name}, first labels`, first.join(' '), [...labels.subarray(0, first.length)].join(' '));
    const found = new Array<number>(counts.length).fill(0);
    for (const label of labels) found[label] = (found[label] ?? 0) + 1;
    // A thousand numbers are for no reader: what differs is named.
    const wrong = counts.flatMap((count, label) => (found[label] === count ? [] : [`class ${label}: ${found[label]} instead of ${count}`]));
    const more = wrong.length > 3 ? [`and ${wrong.length - 3} more`] : [];
    this.add(
      `${name}, pictures per class`,
      'as published',
      wrong.length === 0 ? 'as published' : [...wrong.slice(0, 3), ...more].join(', '),
    );
  }

  /** Runs what reads the set; an error about the set becomes a check that failed. */
  async reading<T>(subject: string, work: () => Promise<T>): Promise<T | null> {
    try {
      const result = await work();
      this.add(subject, 'readable', 'readable');
      return result;
    } catch (error) {
      if (!isManError(error) || this.options.signal?.aborted === true) throw error;
      this.add(subject, 'readable', `${error.message} [${error.code}]`);
      return null;
    }
  }

  async #hash(path: string, { algorithm }: Checksum, total: number): Promise<string> {
    const { onProgress, signal } = this.options;
    const hash = createHash(algorithm);
    const file = basename(path);
    let [bytes, last] = [0, 0];
    try {
      for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, ...(signal === undefined ? {} : { signal }) })) {
        hash.update(chunk as Buffer);
        bytes += (chunk as Buffer).length;
        if (Date.now() - last >= 100) {
          last = Date.now();
          onProgress?.({ file, bytes, total });
        }
      }
    } catch (cause) {
      signal?.throwIfAborted();
      throw diskError('read', path, cause);
    }
    onProgress?.({ file, bytes, total });
    return hash.digest('hex');
  }
}
