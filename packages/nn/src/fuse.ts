import type { Unit } from '@man/core';
import { add, convolutionStack, relu, type StackLayer } from '@man/ops';
import type { Tensor, Tensor1D, Variable } from '@tensorflow/tfjs';

/** What layers tell of themselves, so that neighbours can run as one operation. */
export type LayerPart =
  | { readonly kind: 'convolution'; readonly layer: Pick<StackLayer, 'filter' | 'bias' | 'stride' | 'padding' | 'groups'> }
  | { readonly kind: 'norm'; readonly norm: Norm }
  | { readonly kind: 'resize'; readonly size: readonly [number, number] }
  | { readonly kind: 'relu' }
  | { readonly kind: 'pool' };

interface Norm {
  readonly weight: Variable;
  readonly bias: Variable;
  readonly runningMean: Variable;
  readonly runningVariance: Variable;
}

const parts = new WeakMap<Unit, LayerPart>();

/** Marks a unit as a layer that can be fused with its neighbours. */
export function setPart(unit: Unit, part: LayerPart): void {
  parts.set(unit, part);
}

/** A convolution with what stands behind it; `norm` keeps its variables, to which the new statistics are assigned. */
type Layer = StackLayer & { readonly norm?: Norm | undefined };

/** Units that run as one operation. */
interface Stack {
  readonly layers: readonly Layer[];
  readonly pool: boolean;
}

/** A piece of a chain of units: several as one stack, or one by itself. */
type Piece = Stack | Unit;

/** Only convolutions of this kind have a kernel that reads the enlarged picture without making it. */
const takesResize = ({ filter, stride, padding }: StackLayer) =>
  filter.shape[0] === 3 && filter.shape[1] === 3 && (stride ?? 1) === 1 && padding === 1;

/** Cuts a chain of units into pieces as long as possible: convolutions, each with norm and ReLU where they follow, and a last pooling. */
export function fuse(units: readonly Unit[]): readonly Piece[] {
  const pieces: Piece[] = [];
  let i = 0;
  const part = () => (units[i] === undefined ? undefined : parts.get(units[i] as Unit));
  const take = <K extends LayerPart['kind']>(kind: K): Extract<LayerPart, { kind: K }> | undefined => {
    const found = part();
    if (found?.kind !== kind) return undefined;
    i++;
    return found as Extract<LayerPart, { kind: K }>;
  };
  const takeLayer = (): Layer | undefined => {
    const start = i;
    const resize = take('resize')?.size;
    const found = take('convolution');
    if (found === undefined || (resize !== undefined && !takesResize(found.layer))) {
      i = start;
      return undefined;
    }
    return { ...found.layer, resize, norm: take('norm')?.norm, relu: take('relu') !== undefined };
  };
  while (i < units.length) {
    const layers: Layer[] = [];
    for (let layer = takeLayer(); layer !== undefined; layer = takeLayer()) layers.push(layer);
    pieces.push(layers.length > 0 ? { layers, pool: take('pool') !== undefined } : (units[i++] as Unit));
  }
  return pieces;
}

/** Values of one example that a chain keeps besides what its layers do: a normalised activation takes memory where a stack ends. */
export function endsOfStacks(units: readonly Unit[]): number {
  const kindOf = (unit: Unit | undefined) => (unit === undefined ? undefined : parts.get(unit)?.kind);
  return units.reduce((sum, unit, i) => {
    const isNormalised = kindOf(unit) === 'norm' || kindOf(unit) === 'relu';
    return isNormalised && kindOf(units[i + 1]) === undefined ? sum + unit.outputShape.reduce((a, b) => a * b, 1) : sum;
  }, 0);
}

const isStack = (piece: Piece | undefined): piece is Stack => piece !== undefined && 'layers' in piece;

/** Runs pieces in order; `x` stays the caller's. */
export function applyPieces(pieces: readonly Piece[], x: Tensor, training: boolean): Tensor {
  return pieces.reduce((features, piece) => {
    const next = isStack(piece) ? applyStack(piece, features, training) : piece.apply(features, training);
    if (features !== x) features.dispose();
    return next;
  }, x);
}

/** `relu(branch(x) + shortcut(x))`, as one operation where both consist of convolutions; no shortcut is the identity. */
export function applyResidual(branch: readonly Piece[], shortcut: readonly Piece[], x: Tensor, training: boolean): Tensor {
  const [stack, projection] = [branch[0], shortcut[0]];
  const isProjection = isStack(projection) && projection.layers.length === 1 && !projection.layers[0]?.relu && !projection.pool;
  if (
    branch.length === 1 &&
    isStack(stack) &&
    !stack.pool &&
    !stack.layers.at(-1)?.relu &&
    (shortcut.length === 0 || (shortcut.length === 1 && isProjection))
  ) {
    const layers = stack.layers.map((layer, i) => (i === stack.layers.length - 1 ? { ...layer, relu: true } : layer));
    return applyStack({ layers, pool: false }, x, training, isProjection ? projection.layers[0] : 'identity');
  }
  return relu(add(applyPieces(branch, x, training), shortcut.length === 0 ? x : applyPieces(shortcut, x, training)));
}

/** Runs a stack and moves its running statistics. */
function applyStack({ layers, pool }: Stack, x: Tensor, training: boolean, shortcut?: 'identity' | Layer): Tensor {
  const { y, statistics } = convolutionStack(x, layers, { training, pool, ...(shortcut === undefined ? {} : { shortcut }) });
  const norms = [...layers, ...(typeof shortcut === 'object' ? [shortcut] : [])].flatMap(({ norm }) => norm ?? []);
  statistics.forEach(({ runningMean, runningVariance }, i) => {
    norms[i]?.runningMean.assign(runningMean as Tensor1D);
    norms[i]?.runningVariance.assign(runningVariance as Tensor1D);
  });
  return y;
}
