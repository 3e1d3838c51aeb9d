/** What an unpickled file may hold. Tuples and lists are both arrays. */
export type PickleValue =
  | null
  | boolean
  | number
  | PickleText
  | Uint8Array
  | PickleArray
  | PickleGlobal
  | readonly PickleValue[]
  | PickleDict;

/** A dictionary with text keys. */
export type PickleDict = Map<string, PickleValue>;

/** Text, kept as the bytes of the file: a picture's bytes may come dressed as 30 MB of text. */
export class PickleText {
  constructor(readonly utf8: Uint8Array) {}
}

/** A name out of numpy that may occur; never more than a name. */
export class PickleGlobal {
  constructor(readonly name: 'reconstruct' | 'frombuffer' | 'ndarray' | 'dtype' | 'encode' | 'u1') {}
}

/** A numpy array of bytes; empty until its state is built. */
export class PickleArray {
  shape: readonly number[] = [0];
  data: Uint8Array = new Uint8Array();
}

const GLOBALS: Readonly<Record<string, PickleGlobal>> = {
  'numpy.core.multiarray _reconstruct': new PickleGlobal('reconstruct'),
  'numpy._core.multiarray _reconstruct': new PickleGlobal('reconstruct'),
  'numpy.core.numeric _frombuffer': new PickleGlobal('frombuffer'),
  'numpy._core.numeric _frombuffer': new PickleGlobal('frombuffer'),
  'numpy ndarray': new PickleGlobal('ndarray'),
  'numpy dtype': new PickleGlobal('dtype'),
  // How Python 3 writes bytes in protocol 2.
  '_codecs encode': new PickleGlobal('encode'),
};

/** The global of a module and name, if it is one of the few that are allowed. */
export function globalOf(module: string, name: string): PickleGlobal | null {
  const key = `${module} ${name}`;
  return Object.hasOwn(GLOBALS, key) ? (GLOBALS[key] as PickleGlobal) : null;
}

/** A value as text: Python 2 wrote bytes where Python 3 writes text. Null if it is neither, or longer than `maxBytes`. */
export function textOf(value: PickleValue | undefined, maxBytes = 1000): string | null {
  const bytes = value instanceof PickleText ? value.utf8 : value;
  if (!(bytes instanceof Uint8Array) || bytes.length > maxBytes) return null;
  return new TextDecoder(value instanceof PickleText ? 'utf-8' : 'latin1').decode(bytes);
}

/** What calling a global with arguments gives; a text says why it is refused. */
export function call(target: PickleValue, args: PickleValue): PickleValue | string {
  if (!(target instanceof PickleGlobal) || !Array.isArray(args)) return 'something other than a known function is called';
  const [first, second, third] = args as readonly PickleValue[];
  switch (target.name) {
    case 'encode':
      if (!(first instanceof PickleText) || textOf(second) !== 'latin1') return 'text is encoded otherwise than as latin1';
      return latin1(first.utf8) ?? 'text holds characters that are not latin1';
    case 'dtype':
      return textOf(first) === 'u1' || textOf(first) === '|u1' ? new PickleGlobal('u1') : 'an array has elements other than uint8';
    case 'reconstruct':
      return first instanceof PickleGlobal && first.name === 'ndarray'
        ? new PickleArray()
        : 'something other than an array is reconstructed';
    case 'frombuffer':
      return fill(new PickleArray(), third, second, false, first);
    default:
      return `${target.name} is called`;
  }
}

/** Applies a state (BUILD) to a value: of an array its shape and bytes, of a dtype nothing that matters for bytes. */
export function build(value: PickleValue, state: PickleValue): PickleValue | string {
  if (value instanceof PickleGlobal && value.name === 'u1') return value;
  if (!(value instanceof PickleArray) || !Array.isArray(state)) return 'something other than an array is built';
  const [, shape, type, fortran, bytes] = state as readonly PickleValue[];
  return fill(value, shape, type, fortran, bytes);
}

function fill(
  array: PickleArray,
  shape: PickleValue | undefined,
  type: PickleValue | undefined,
  fortran: PickleValue | undefined,
  bytes: PickleValue | undefined,
): PickleArray | string {
  if (!(type instanceof PickleGlobal) || type.name !== 'u1') return 'an array has elements other than uint8';
  if (fortran !== false) return 'an array is stored column by column';
  if (!(bytes instanceof Uint8Array)) return 'an array has no bytes';
  if (!Array.isArray(shape) || !shape.every((length) => typeof length === 'number' && length >= 0)) return 'an array has no shape';
  const dimensions = shape as readonly number[];
  const size = dimensions.reduce((product, length) => product * length, 1);
  if (size !== bytes.length) return `an array of shape ${dimensions.join('×')} has ${bytes.length} bytes`;
  array.shape = dimensions;
  array.data = bytes;
  return array;
}

/** UTF-8 of characters below 256, to one byte each; null if there are others. */
function latin1(utf8: Uint8Array): Uint8Array | null {
  const out = new Uint8Array(utf8.length);
  let length = 0;
  for (let i = 0; i < utf8.length; i++) {
    const byte = utf8[i] as number;
    if (byte < 0x80) out[length++] = byte;
    else if (byte === 0xc2 || byte === 0xc3) out[length++] = ((byte & 3) << 6) | ((utf8[++i] ?? 0) & 0x3f);
    else return null;
  }
  return out.subarray(0, length);
}
