import { badPickle } from './errors.ts';
import { build, call, globalOf, type PickleDict, PickleText, type PickleValue, textOf } from './pickle-values.ts';

/** Opcodes that a file may hold: the largest official one has 60,000. */
const MAX_OPERATIONS = 1_000_000;
/** Objects at once on the stack. */
const MAX_STACK = 100_000;

/**
 * Reads a pickle of dictionaries, lists, numbers, texts and uint8 numpy arrays: what the python version of CIFAR-10 is made of.
 *
 * Nothing in it is executed: of the functions that pickles may call it knows the ones that make an array, and refuses all others. Protocols
 * 2 to 5. Arrays are views of `bytes`.
 *
 * @param file for messages
 * @throws `MAN_CIFAR10_PICKLE`
 */
export function readPickle(bytes: Uint8Array, file: string): PickleValue {
  const machine = new Machine(bytes, file);
  for (let i = 0; i < MAX_OPERATIONS; i++) {
    const code = machine.uint(1);
    if (code === STOP) return machine.pop();
    const operation = OPERATIONS[code];
    if (operation === undefined) throw machine.fault(`opcode 0x${code.toString(16).padStart(2, '0')} is not one of those that are read`);
    operation(machine);
  }
  throw machine.fault(`more than ${MAX_OPERATIONS} operations`);
}

const STOP = 0x2e;
const MARK = Symbol('mark');

class Machine {
  private position = 0;
  private readonly stack: (PickleValue | typeof MARK)[] = [];
  private readonly memo = new Map<number, PickleValue>();
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly file: string,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  fault(problem: string) {
    return badPickle(this.file, this.position, problem);
  }

  /** The next `length` bytes, as a view. */
  take(length: number): Uint8Array {
    const end = this.position + length;
    if (!(length >= 0 && end <= this.bytes.length)) throw this.fault(`the file ends, ${length} bytes were expected`);
    const taken = this.bytes.subarray(this.position, end);
    this.position = end;
    return taken;
  }

  /** A little-endian number without sign. */
  uint(length: 1 | 2 | 4 | 8): number {
    const at = this.position;
    this.take(length);
    if (length === 1) return this.view.getUint8(at);
    if (length === 2) return this.view.getUint16(at, true);
    return length === 4 ? this.view.getUint32(at, true) : Number(this.view.getBigUint64(at, true));
  }

  /** ASCII up to the end of the line. */
  line(): string {
    const end = this.bytes.subarray(this.position, this.position + 200).indexOf(0x0a);
    if (end < 0) throw this.fault('a name has no end');
    const text = new TextDecoder('latin1').decode(this.take(end));
    this.take(1);
    return text;
  }

  push(value: PickleValue | typeof MARK): void {
    if (this.stack.length >= MAX_STACK) throw this.fault(`more than ${MAX_STACK} objects at once`);
    this.stack.push(value);
  }

  pop(): PickleValue {
    const value = this.stack.pop();
    if (value === undefined || value === MARK) throw this.fault('an operation lacks its object');
    return value;
  }

  top(): PickleValue {
    const value = this.pop();
    this.push(value);
    return value;
  }

  /** The objects above the last mark, which goes too. */
  popToMark(): PickleValue[] {
    const at = this.stack.lastIndexOf(MARK);
    if (at < 0) throw this.fault('an operation lacks its mark');
    const values = this.stack.splice(at).slice(1);
    return values as PickleValue[];
  }

  remember(at: number): void {
    this.memo.set(at, this.top());
  }

  recall(at: number): void {
    const value = this.memo.get(at);
    if (value === undefined) throw this.fault(`object ${at} is recalled before it is remembered`);
    this.push(value);
  }

  memoize(): void {
    this.remember(this.memo.size);
  }

  /** Pushes a result, or refuses for the reason it gives. */
  result(value: PickleValue | string): void {
    if (typeof value === 'string') throw this.fault(value);
    this.push(value);
  }

  global(module: string, name: string): void {
    this.result(globalOf(module, name) ?? `${module}.${name} is asked for, which is not part of a numpy array`);
  }

  append(values: readonly PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw this.fault('something other than a list is appended to');
    for (const value of values) (list as PickleValue[]).push(value);
  }

  setItems(pairs: readonly PickleValue[]): void {
    const dict = this.top();
    if (!(dict instanceof Map)) throw this.fault('something other than a dictionary is filled');
    for (let i = 0; i < pairs.length; i += 2) {
      const [key, value] = [textOf(pairs[i]), pairs[i + 1]];
      if (key === null || value === undefined) throw this.fault('a dictionary has a key that is no text');
      (dict as PickleDict).set(key, value);
    }
  }

  /** Pops the `count` topmost objects, in their order. */
  popMany(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }
}

/** By opcode, named as in Python's pickletools. */
const OPERATIONS: Readonly<Record<number, (m: Machine) => void>> = {
  128: (m) => {
    const protocol = m.uint(1);
    if (protocol < 2 || protocol > 5) throw m.fault(`pickle protocol ${protocol}; 2 to 5 are read`);
  }, // PROTO
  149: (m) => void m.uint(8), // FRAME: only a hint for buffering
  40: (m) => m.push(MARK), // MARK
  78: (m) => m.push(null), // NONE
  136: (m) => m.push(true), // NEWTRUE
  137: (m) => m.push(false), // NEWFALSE
  75: (m) => m.push(m.uint(1)), // BININT1
  77: (m) => m.push(m.uint(2)), // BININT2
  74: (m) => m.push(m.uint(4) | 0), // BININT
  85: (m) => m.push(m.take(m.uint(1))), // SHORT_BINSTRING
  84: (m) => m.push(m.take(m.uint(4))), // BINSTRING
  67: (m) => m.push(m.take(m.uint(1))), // SHORT_BINBYTES
  66: (m) => m.push(m.take(m.uint(4))), // BINBYTES
  142: (m) => m.push(m.take(m.uint(8))), // BINBYTES8
  150: (m) => m.push(m.take(m.uint(8))), // BYTEARRAY8
  140: (m) => m.push(new PickleText(m.take(m.uint(1)))), // SHORT_BINUNICODE
  88: (m) => m.push(new PickleText(m.take(m.uint(4)))), // BINUNICODE
  141: (m) => m.push(new PickleText(m.take(m.uint(8)))), // BINUNICODE8
  93: (m) => m.push([]), // EMPTY_LIST
  97: (m) => m.append([m.pop()]), // APPEND
  101: (m) => m.append(m.popToMark()), // APPENDS
  41: (m) => m.push([]), // EMPTY_TUPLE
  133: (m) => m.push(m.popMany(1)), // TUPLE1
  134: (m) => m.push(m.popMany(2)), // TUPLE2
  135: (m) => m.push(m.popMany(3)), // TUPLE3
  116: (m) => m.push(m.popToMark()), // TUPLE
  125: (m) => m.push(new Map()), // EMPTY_DICT
  115: (m) => m.setItems(m.popMany(2)), // SETITEM
  117: (m) => m.setItems(m.popToMark()), // SETITEMS
  113: (m) => m.remember(m.uint(1)), // BINPUT
  114: (m) => m.remember(m.uint(4)), // LONG_BINPUT
  148: (m) => m.memoize(), // MEMOIZE
  104: (m) => m.recall(m.uint(1)), // BINGET
  106: (m) => m.recall(m.uint(4)), // LONG_BINGET
  99: (m) => m.global(m.line(), m.line()), // GLOBAL
  147: (m) => {
    const [module, name] = m.popMany(2).map((value) => textOf(value));
    m.global(String(module), String(name));
  }, // STACK_GLOBAL
  82: (m) => {
    const [target, args] = m.popMany(2);
    m.result(call(target as PickleValue, args as PickleValue));
  }, // REDUCE
  98: (m) => {
    const [value, state] = m.popMany(2);
    m.result(build(value as PickleValue, state as PickleValue));
  }, // BUILD
};
