/** Names of many files and where each is, without an object for each. */
export interface PictureList {
  readonly size: number;
  name(index: number): string;
  /** Where it begins, in the archive. */
  start(index: number): number;
  bytes(index: number): number;
}

/** A list as plain memory, to be written to disk and read again. */
export class PackedList implements PictureList {
  readonly size: number;
  private readonly ends: Uint32Array;

  constructor(
    /** All names in UTF-8, a line break behind each. */
    readonly names: Uint8Array,
    readonly starts: Float64Array,
    readonly sizes: Uint32Array,
  ) {
    this.size = starts.length;
    this.ends = new Uint32Array(this.size);
    let line = 0;
    for (let at = 0; at < names.length && line < this.size; at++) if (names[at] === 0x0a) this.ends[line++] = at;
    if (line !== this.size || sizes.length !== this.size) throw new RangeError(`${this.size} places for ${line} names`);
  }

  name(index: number): string {
    const from = index === 0 ? 0 : (this.ends[index - 1] as number) + 1;
    return new TextDecoder().decode(this.names.subarray(from, this.ends[index]));
  }

  start(index: number): number {
    return this.starts[index] as number;
  }

  bytes(index: number): number {
    return this.sizes[index] as number;
  }
}

/** Collects a {@link PackedList}. */
export class ListBuilder {
  private readonly names: string[] = [];
  private readonly starts: number[] = [];
  private readonly sizes: number[] = [];

  add(name: string, start: number, size: number): void {
    this.names.push(name);
    this.starts.push(start);
    this.sizes.push(size);
  }

  build(): PackedList {
    const names = new TextEncoder().encode(this.names.map((name) => `${name}\n`).join(''));
    return new PackedList(names, Float64Array.from(this.starts), Uint32Array.from(this.sizes));
  }
}
