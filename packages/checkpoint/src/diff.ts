import { readSafetensors, type StoredTensor } from '@man/track';

/** How one tensor differs between two files. */
export interface CheckpointDifference {
  readonly name: string;
  /** `'first'` and `'second'`: it is only there; `'shape'`: not comparable; `'values'`: same shape, other values. */
  readonly kind: 'first' | 'second' | 'shape' | 'values';
  /** Shapes, or how many values differ. */
  readonly text: string;
  /** Greatest absolute difference of values; null where there is nothing to compare. */
  readonly greatest: number | null;
}

/** What two files of tensors differ in, by name; empty for equal ones, bit for bit. @throws as `readSafetensors` */
export async function diffCheckpoints(first: string, second: string): Promise<readonly CheckpointDifference[]> {
  const [a, b] = await Promise.all([readSafetensors(first), readSafetensors(second)]);
  const names = [...new Set([...Object.keys(a.tensors), ...Object.keys(b.tensors)])].sort();
  return names.flatMap((name) => {
    const [left, right] = [a.tensors[name], b.tensors[name]];
    if (left === undefined || right === undefined) {
      const found = (left ?? right) as StoredTensor;
      return [{ name, kind: left === undefined ? ('second' as const) : ('first' as const), text: shapeText(found), greatest: null }];
    }
    return compared(name, left, right);
  });
}

const shapeText = ({ dtype, shape }: StoredTensor) => `${dtype} [${shape}]`;

function compared(name: string, a: StoredTensor, b: StoredTensor): CheckpointDifference[] {
  if (shapeText(a) !== shapeText(b)) return [{ name, kind: 'shape', text: `${shapeText(a)} and ${shapeText(b)}`, greatest: null }];
  let [differing, greatest] = [0, 0];
  for (let i = 0; i < a.data.length; i++) {
    const [x, y] = [a.data[i] as number, b.data[i] as number];
    if (Object.is(x, y)) continue;
    differing++;
    greatest = Math.max(greatest, Number.isNaN(x - y) ? Number.POSITIVE_INFINITY : Math.abs(x - y));
  }
  return differing === 0 ? [] : [{ name, kind: 'values', text: `${differing} of ${a.data.length} values`, greatest }];
}
