/** Structs and lists within each other at most. */
const MAX_DEPTH = 24;

/**
 * Goes through one struct of thrift's compact protocol without keeping anything, and finds lengths that lie: a list cannot have more
 * elements than there are bytes left. Whoever reads the struct afterwards makes no memory that the bytes do not justify.
 *
 * @returns where the struct ends
 * @throws RangeError in words
 */
export function checkThrift(bytes: Uint8Array, start: number): number {
  let at = start;
  const byte = (): number => {
    if (at >= bytes.length) throw new RangeError('a struct ends too early');
    return bytes[at++] as number;
  };
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const part = byte();
      value += (part & 0x7f) * 2 ** shift;
      if (part < 0x80) return value;
    }
    throw new RangeError('a number has more than ten bytes');
  };
  const skip = (length: number) => {
    if (length > bytes.length - at) throw new RangeError(`${length} bytes are announced, ${bytes.length - at} are left`);
    at += length;
  };
  const element = (type: number, depth: number): void => {
    if (type === 3) skip(1);
    else if (type >= 4 && type <= 6) varint();
    else if (type === 7) skip(8);
    else if (type === 8) skip(varint());
    else if (type === 9) list(depth);
    else if (type === 12) struct(depth + 1);
    else throw new RangeError(`type ${type} is unknown`);
  };
  const list = (depth: number): void => {
    const head = byte();
    const count = head >> 4 === 15 ? varint() : head >> 4;
    if (count > bytes.length - at) throw new RangeError(`a list of ${count} elements in ${bytes.length - at} bytes`);
    if (depth >= MAX_DEPTH) throw new RangeError(`more than ${MAX_DEPTH} structs within each other`);
    const type = head & 15;
    for (let i = 0; i < count; i++) {
      if (type === 1 || type === 2) skip(1);
      else element(type, depth + 1);
    }
  };
  const struct = (depth: number): void => {
    if (depth >= MAX_DEPTH) throw new RangeError(`more than ${MAX_DEPTH} structs within each other`);
    for (let head = byte(); (head & 15) !== 0; head = byte()) {
      if (head >> 4 === 0) varint();
      if ((head & 15) > 2) element(head & 15, depth);
    }
  };
  struct(0);
  return at;
}
