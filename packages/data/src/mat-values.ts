/** How numbers are stored in a MATLAB file: bytes of one, and how it is read. Types that hold no numbers are absent. */
export const STORAGE: Readonly<Record<number, { readonly size: number; readonly read: (view: DataView, at: number) => number }>> = {
  1: { size: 1, read: (view, at) => view.getInt8(at) },
  2: { size: 1, read: (view, at) => view.getUint8(at) },
  3: { size: 2, read: (view, at) => view.getInt16(at, true) },
  4: { size: 2, read: (view, at) => view.getUint16(at, true) },
  5: { size: 4, read: (view, at) => view.getInt32(at, true) },
  6: { size: 4, read: (view, at) => view.getUint32(at, true) },
  7: { size: 4, read: (view, at) => view.getFloat32(at, true) },
  9: { size: 8, read: (view, at) => view.getFloat64(at, true) },
  12: { size: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  13: { size: 8, read: (view, at) => Number(view.getBigUint64(at, true)) },
};

/** Element types besides numbers. */
export const MATRIX = 14;
export const COMPRESSED = 15;

/** What a variable is, by the number of its class. */
const CLASSES = [
  ...['unknown', 'cell', 'struct', 'object', 'char', 'sparse', 'double', 'single'],
  ...['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'],
] as const;

/** What MATLAB calls a variable's class. */
export type MatClass = (typeof CLASSES)[number];

export const classOf = (flags: number): MatClass => CLASSES[flags & 255] ?? 'unknown';
export const isNumeric = (type: MatClass) => CLASSES.indexOf(type) >= 6;

/** A small variable as a whole. Numbers, cells and structs are in MATLAB's order, the first dimension running fastest. */
export type MatValue =
  | { readonly kind: 'numbers'; readonly dims: readonly number[]; readonly values: Float64Array }
  | { readonly kind: 'text'; readonly dims: readonly number[]; readonly text: string }
  | { readonly kind: 'cells'; readonly dims: readonly number[]; readonly cells: readonly MatValue[] }
  | { readonly kind: 'structs'; readonly dims: readonly number[]; readonly structs: readonly ReadonlyMap<string, MatValue>[] };

/** Variables within variables at most. */
const MAX_DEPTH = 16;
/** Dimensions of a variable at most. */
const MAX_DIMENSIONS = 8;

/** Makes the error for a problem at a byte. */
export type MatFault = (at: number, problem: string) => Error;

/** An element: its type and where its data are. */
export interface MatElement {
  readonly type: number;
  readonly start: number;
  readonly end: number;
  /** Where the next one begins. */
  readonly next: number;
}

/** The element at `at`, which may have the small form (type and up to 4 bytes of data in 8 bytes). */
export function elementAt(view: DataView, at: number, fault: MatFault): MatElement {
  if (at + 8 > view.byteLength) throw fault(at, 'the file ends where an element should begin');
  const first = view.getUint32(at, true);
  const small = first >>> 16;
  if (small > 4) throw fault(at, `a small element has ${small} bytes`);
  if (small > 0) return { type: first & 0xffff, start: at + 4, end: at + 4 + small, next: at + 8 };
  const length = view.getUint32(at + 4, true);
  const end = at + 8 + length;
  if (end > view.byteLength) throw fault(at, `an element of ${length} bytes ends behind its container`);
  return { type: first, start: at + 8, end, next: Math.min(view.byteLength, at + 8 + 8 * Math.ceil(length / 8)) };
}

/** Class, dimensions and name: what stands before a matrix's contents. */
export interface MatHeader {
  readonly type: MatClass;
  readonly dims: readonly number[];
  readonly name: string;
  /** Where the contents begin. */
  readonly next: number;
}

export function matHeader(view: DataView, at: number, fault: MatFault): MatHeader {
  const flags = elementAt(view, at, fault);
  if (flags.type !== 6 || flags.end - flags.start !== 8) throw fault(at, 'a matrix does not begin with its flags');
  const shape = elementAt(view, flags.next, fault);
  const count = (shape.end - shape.start) / 4;
  if (shape.type !== 5 || !Number.isInteger(count) || count < 2 || count > MAX_DIMENSIONS) throw fault(flags.next, 'a matrix has no shape');
  const dims = Array.from({ length: count }, (_, i) => view.getInt32(shape.start + 4 * i, true));
  if (dims.some((length) => length < 0) || !Number.isSafeInteger(sizeOf(dims))) throw fault(shape.start, `a matrix of ${dims.join('×')}`);
  const label = elementAt(view, shape.next, fault);
  if (label.type !== 1 || label.end - label.start > 1024) throw fault(shape.next, 'a matrix has no name');
  const name = latin1(bytesOf(view, label));
  return { type: classOf(view.getUint32(flags.start, true)), dims, name, next: label.next };
}

export const sizeOf = (dims: readonly number[]) => dims.reduce((product, length) => product * length, 1);
const bytesOf = (view: DataView, { start, end }: MatElement) => new Uint8Array(view.buffer, view.byteOffset + start, end - start);
const latin1 = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes);

/** The matrix whose header stands at the beginning of `view`, with all that is in it. */
export function matValue(view: DataView, fault: MatFault, depth = 0): MatValue {
  if (view.byteLength === 0) return { kind: 'numbers', dims: [0, 0], values: new Float64Array() };
  if (depth > MAX_DEPTH) throw fault(0, `more than ${MAX_DEPTH} variables within each other`);
  const header = matHeader(view, 0, fault);
  if (header.type === 'cell') {
    const { values } = matrices(view, header.next, sizeOf(header.dims), fault, depth);
    return { kind: 'cells', dims: header.dims, cells: values };
  }
  if (header.type === 'struct') return structs(view, header, fault, depth);
  if (header.type !== 'char' && !isNumeric(header.type)) throw fault(0, `a variable of class ${header.type}, which is not read`);
  const real = elementAt(view, header.next, fault);
  if (header.type === 'char') return { kind: 'text', dims: header.dims, text: textOf(view, real, fault) };
  const storage = STORAGE[real.type];
  const size = sizeOf(header.dims);
  if (storage === undefined || real.end - real.start !== size * storage.size) throw fault(header.next, 'numbers do not fit their shape');
  return {
    kind: 'numbers',
    dims: header.dims,
    values: Float64Array.from({ length: size }, (_, i) => storage.read(view, real.start + i * storage.size)),
  };
}

function matrices(view: DataView, at: number, count: number, fault: MatFault, depth: number): { values: MatValue[]; next: number } {
  // Each takes 8 bytes at least: a count that lies is found before anything is made.
  if (count > (view.byteLength - at) / 8) throw fault(at, `${count} variables in ${view.byteLength - at} bytes`);
  const values: MatValue[] = [];
  let next = at;
  for (let i = 0; i < count; i++) {
    const element = elementAt(view, next, fault);
    if (element.type !== MATRIX) throw fault(next, `an element of type ${element.type} where a variable should be`);
    const inner = new DataView(view.buffer, view.byteOffset + element.start, element.end - element.start);
    values.push(matValue(inner, (where, problem) => fault(element.start + where, problem), depth + 1));
    next = element.next;
  }
  return { values, next };
}

function structs(view: DataView, { dims, next }: MatHeader, fault: MatFault, depth: number): MatValue {
  const width = elementAt(view, next, fault);
  if (width.type !== 5 || width.end - width.start !== 4) throw fault(next, 'a struct has no length of field names');
  const length = view.getInt32(width.start, true);
  const labels = elementAt(view, width.next, fault);
  const count = (labels.end - labels.start) / length;
  if (labels.type !== 1 || length < 1 || !Number.isInteger(count) || count < 1) throw fault(width.next, 'a struct has no field names');
  const text = latin1(bytesOf(view, labels));
  const names = Array.from({ length: count }, (_, i) => text.slice(i * length, (i + 1) * length).split('\0')[0] as string);
  const { values } = matrices(view, labels.next, sizeOf(dims) * count, fault, depth);
  const all = Array.from({ length: sizeOf(dims) }, (_, i) => new Map(names.map((name, k) => [name, values[i * count + k] as MatValue])));
  return { kind: 'structs', dims, structs: all };
}

/** Characters: bytes, UTF-8, or 16 bits each. */
function textOf(view: DataView, element: MatElement, fault: MatFault): string {
  const bytes = bytesOf(view, element);
  if (element.type === 1 || element.type === 2) return latin1(bytes);
  if (element.type === 16) return new TextDecoder('utf-8').decode(bytes);
  if (element.type === 4 || element.type === 17) return new TextDecoder('utf-16le').decode(bytes);
  throw fault(element.start, `text stored as type ${element.type}`);
}
