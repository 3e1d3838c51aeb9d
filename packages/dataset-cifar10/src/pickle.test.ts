import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readPickle } from './pickle.ts';
import { PickleArray, type PickleDict, textOf } from './pickle-values.ts';
import { pythonFile, records } from './testing/files.ts';

const read = (bytes: Uint8Array) => readPickle(bytes, 'file');
const pickle = (...parts: (string | number[])[]) => Buffer.concat(parts.map((part) => Buffer.from(part as string, 'latin1')));
const refused = (problem: string) => expect.objectContaining({ code: 'MAN_CIFAR10_PICKLE', message: expect.stringContaining(problem) });

function expectFixture(value: unknown): void {
  const dict = value as PickleDict;
  expect([...dict.keys()].sort()).toEqual(['batch_label', 'data', 'filenames', 'labels']);
  expect(textOf(dict.get('batch_label'))).toBe('testing batch 1 of 1');
  expect(dict.get('labels')).toEqual([3, 8]);
  const data = dict.get('data') as PickleArray;
  expect(data).toBeInstanceOf(PickleArray);
  expect(data.shape).toEqual([2, 3072]);
  expect(
    Buffer.compare(
      data.data,
      Uint8Array.from({ length: 6144 }, (_, i) => i * 37 + Math.floor(i / 256)),
    ),
  ).toBe(0);
}

describe('readPickle', () => {
  it.each([2, 3, 4, 5])('reads what numpy writes in protocol %i', (protocol) => {
    expectFixture(read(readFileSync(new URL(`./fixtures/numpy-protocol-${protocol}.pickle`, import.meta.url))));
  });

  it('reads what Python 2 wrote, without copying the pictures', () => {
    const batch = records(0, 3);
    const bytes = pythonFile(batch);
    const dict = read(bytes) as PickleDict;
    const data = dict.get('data') as PickleArray;
    expect(data.data.buffer).toBe(bytes.buffer);
    expect(Buffer.compare(data.data, batch.planes)).toBe(0);
    expect(dict.get('labels')).toEqual([0, 1, 2]);
  });

  it.each([
    ['os.system', pickle('\x80\x02cos\nsystem\n', 'U\x02ls\x85R.')],
    ['builtins.eval', pickle('\x80\x04\x8c\x08builtins\x8c\x04eval\x93.')],
    ['numpy.load', pickle('\x80\x02cnumpy\nload\n.')],
    ['__builtin__.__proto__', pickle('\x80\x02c__builtin__\n__proto__\n.')],
    ['opcode 0x69', pickle('\x80\x02(ios\nsystem\n.')],
    ['opcode 0x81', pickle('\x80\x02cnumpy\nndarray\n)\x81.')],
    ['opcode 0x50', pickle('\x80\x02Pid\n.')],
    ['ndarray is called', pickle('\x80\x02cnumpy\nndarray\n)R.')],
    ['known function', pickle('\x80\x02K\x01)R.')],
    ['array is reconstructed', pickle('\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\n\x85R.')],
    ['other than an array is built', pickle('\x80\x02}}b.')],
  ])('refuses %s', (problem, bytes) => {
    expect(() => read(bytes)).toThrow(refused(problem));
  });

  it.each([
    ['the file ends', pickle('\x80\x02T\xff\xff\xff\x7fabc')],
    ['the file ends', pickle('\x80\x02}')],
    ['the file ends', pickle('\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff')],
    ['protocol 1', pickle('\x80\x01].')],
    ['the file ends', pickle('(')],
    ['lacks its mark', pickle('\x80\x02]e.')],
    ['lacks its object', pickle('\x80\x02.')],
    ['lacks its object', pickle('\x80\x02(.')],
    ['before it is remembered', pickle('\x80\x02h\x07.')],
    ['no end', pickle('\x80\x02cnumpy')],
    ['appended', pickle('\x80\x02}K\x01a.')],
    ['filled', pickle('\x80\x02]U\x01aK\x01s.')],
    ['no text', pickle('\x80\x02}K\x01K\x01s.')],
    ['no text', pickle('\x80\x02}(U\x01au.')],
    ['objects at once', pickle('\x80\x02', 'N'.repeat(100_001))],
    ['operations', pickle('\x80\x02', 'N'.repeat(99_999), '\x85'.repeat(1_000_001))],
  ] as [string, Buffer][])('reports a damaged file: %s', (problem, bytes) => {
    expect(() => read(bytes)).toThrow(refused(problem));
  });

  it('refuses arrays of other elements, and shapes that do not fit', () => {
    const batch = records(0, 2);
    expect(() => read(pythonFile(batch, 'f8'))).toThrow(refused('other than uint8'));
    expect(() => read(pythonFile({ ...batch, labels: [1, 2, 3] }))).toThrow(refused('shape 3×3072 has 6144 bytes'));
  });

  it('survives every truncation and any flipped byte with a named error or a value', () => {
    const bytes = readFileSync(new URL('./fixtures/numpy-protocol-4.pickle', import.meta.url));
    const damaged = (change: Uint8Array) => {
      try {
        read(change);
      } catch (error) {
        expect(error).toMatchObject({ code: 'MAN_CIFAR10_PICKLE' });
      }
    };
    // The pictures are in the middle; what matters is around them.
    const places = Array.from({ length: 400 }, (_, i) => (i < 250 ? i : bytes.length - (i - 249)));
    for (const at of places) {
      expect(() => read(bytes.subarray(0, at))).toThrow(refused(''));
      for (const flip of [1, 16, 128]) {
        const changed = Uint8Array.from(bytes);
        changed[at] = (changed[at] as number) ^ flip;
        damaged(changed);
      }
    }
  });
});

const python = spawnSync('python3', ['--version']).status === 0;

describe.skipIf(!python)('readPickle of what python3 of this machine writes (skipped without python3)', () => {
  // numpy need not be there: pickles hold its names only.
  const script = `
import pickle, sys, types
names = ['numpy', 'numpy.core', 'numpy.core.multiarray']
numpy, core, multiarray = [sys.modules.setdefault(n, types.ModuleType(n)) for n in names]
class dtype:
    def __init__(self, *a): pass
    def __reduce__(self): return (dtype, ('u1', False, True), (3, '|', None, None, None, -1, -1, 0))
    def __setstate__(self, s): pass
class ndarray:
    def __init__(self, shape, data): self.state = (1, shape, dtype(), False, data)
    def __reduce__(self): return (multiarray._reconstruct, (ndarray, (0,), b'b'), self.state)
def _reconstruct(*a): pass
for o, m, n in [(dtype, numpy, 'numpy'), (ndarray, numpy, 'numpy'), (_reconstruct, multiarray, 'numpy.core.multiarray')]:
    o.__module__ = n; o.__qualname__ = o.__name__; setattr(m, o.__name__, o)
data = bytes((37 * i + i // 256) % 256 for i in range(6144))
batch = {'batch_label': 'testing batch 1 of 1', 'labels': [3, 8], 'data': ndarray((2, 3072), data), 'filenames': ['a.png', 'b.png']}
sys.stdout.buffer.write(pickle.dumps(batch, int(sys.argv[1])))
`;
  it.each([2, 3, 4, 5])('protocol %i', (protocol) => {
    expectFixture(read(execFileSync('python3', ['-c', script, String(protocol)])));
  });
});
