import type * as tf from '@tensorflow/tfjs';
import type { BatchNormVariables } from './batch-norm.ts';
import type { RunningStatistics, StackLayer, StackOptions, StackResult } from './convolution-stack.ts';
import { shapeMismatch, singleValueStatistics } from './errors.ts';
import { float, isRecording, nativeTensorFlow, type RawTensorFlow, runDifferentiable, shared } from './kernel.ts';
import { nothing } from './native-kernels.ts';
import { checkShapes, pair } from './shapes.ts';

/** A layer as the operations take it. */
interface Stage {
  /** In the names of inputs: `0`, `1`, … and `shortcut`. */
  readonly name: string;
  readonly filter: tf.Tensor;
  readonly bias: tf.Tensor | undefined;
  readonly stride: number;
  readonly padding: number;
  readonly norm: BatchNormVariables | undefined;
  readonly relu: boolean;
}

interface Plan {
  readonly raw: RawTensorFlow;
  readonly stages: readonly Stage[];
  readonly shortcut: Stage | 'identity' | undefined;
  readonly training: boolean;
  readonly pool: boolean;
}

/** What a stage computed: its convolution before normalisation, and the normalisation's coefficients. */
interface Computed {
  readonly y: tf.Tensor;
  readonly coefficients: tf.Tensor;
}

/**
 * The stack by this project's own operations, one for each convolution and one behind the last; null where they do not cover it.
 *
 * Between two stages nothing but the bare convolution is kept. The next one normalises what it reads, and so does the reverse pass.
 */
export function nativeStack(x: tf.Tensor, layers: readonly StackLayer[], options: StackOptions): StackResult | null {
  const plan = planOf(x, layers, options);
  if (plan === null) return null;
  const inputs: Record<string, tf.Tensor> = { x };
  const stages = [...plan.stages, ...(typeof plan.shortcut === 'object' ? [plan.shortcut] : [])];
  for (const { name, filter, bias, norm } of stages) {
    inputs[`${name}.filter`] = filter;
    if (bias !== undefined) inputs[`${name}.bias`] = bias;
    if (norm !== undefined) Object.assign(inputs, { [`${name}.weight`]: norm.weight, [`${name}.shift`]: norm.bias });
  }
  const outputs = runDifferentiable({
    inputs,
    forward: (save) => forward(plan, x, save),
    backward: (dy, saved) => lazily(plan, inputs, dy, saved),
  });
  const [y, ...moved] = outputs as [tf.Tensor, ...tf.Tensor[]];
  const statistics: RunningStatistics[] = [];
  for (let i = 0; i < moved.length; i += 2)
    statistics.push({ runningMean: moved[i] as tf.Tensor, runningVariance: moved[i + 1] as tf.Tensor });
  return { y, statistics };
}

function planOf(x: tf.Tensor, layers: readonly StackLayer[], options: StackOptions): Plan | null {
  const raw = nativeTensorFlow();
  const { training, pool = false } = options;
  // Gradients of a normalisation with running statistics are left to the composed form.
  if (raw === undefined || (!training && isRecording())) return null;
  const stages = layers.map((layer, i) => stageOf(`${i}`, layer));
  const shortcut =
    options.shortcut === undefined || options.shortcut === 'identity' ? options.shortcut : stageOf('shortcut', options.shortcut);
  const last = stages[stages.length - 1] as Stage | null;
  const isBare = last?.norm === undefined && !last?.relu && shortcut === undefined && !pool;
  const covered = (stage: Stage | null, i: number) => stage !== null && (stage.norm !== undefined || (i === stages.length - 1 && isBare));
  if (!stages.every(covered) || shortcut === null || (typeof shortcut === 'object' && shortcut.norm === undefined)) return null;
  const plan = { raw, stages: stages as Stage[], shortcut, training, pool };
  checkPlan(x, plan);
  return plan;
}

function stageOf(name: string, layer: StackLayer): Stage | null {
  const [stride, otherStride] = pair('convolutionStack', 'stride', layer.stride ?? 1, 1);
  const [padding, otherPadding] = pair('convolutionStack', 'padding', layer.padding ?? 0, 0);
  const { filter, bias, norm, relu = false, groups = 1 } = layer;
  const taps = (filter.shape[0] ?? 0) * (filter.shape[1] ?? 0);
  if (stride !== otherStride || padding !== otherPadding || groups !== 1 || taps > 256) return null;
  return { name, filter, bias, stride, padding, norm, relu };
}

/** The same errors as the composed form's. */
function checkPlan(x: tf.Tensor, { stages, shortcut, training }: Plan): void {
  const pass = (shape: readonly number[], { filter, bias, stride, padding, norm }: Stage): number[] => {
    checkShapes(shape, filter, [padding, padding], 1);
    const [kernelHeight, kernelWidth, , out] = filter.shape as [number, number, number, number];
    const size = (length: number, kernel: number) => Math.floor((length + 2 * padding - kernel) / stride) + 1;
    const result = [shape[0] as number, size(shape[1] as number, kernelHeight), size(shape[2] as number, kernelWidth), out];
    for (const tensor of [bias, ...Object.values(norm ?? {})])
      if (tensor !== undefined && (tensor.rank !== 1 || tensor.shape[0] !== out))
        throw shapeMismatch('convolutionStack', `bias and norm of shape [${out}]`, tensor);
    if (norm !== undefined && training && result.slice(0, 3).every((axis) => axis === 1)) throw singleValueStatistics(result);
    return result;
  };
  const shape = stages.reduce(pass, x.shape);
  const beside = shortcut === undefined ? shape : shortcut === 'identity' ? x.shape : pass(x.shape, shortcut);
  if (beside.join() !== shape.join())
    throw shapeMismatch('convolutionStack', `a shortcut of shape [${shape.join(',')}]`, `[${beside.join(',')}]`);
}

/** Outputs: the result, then the moved statistics of each norm. Saves x, the filters, and what each stage computed. */
function forward(plan: Plan, x: tf.Tensor, save: (tensors: tf.Tensor[]) => void): tf.Tensor[] {
  const { raw, stages, shortcut, training, pool } = plan;
  const moved: tf.Tensor[] = [];
  const computed: Computed[] = [];
  const convolve = (from: tf.Tensor, before: { coefficients: tf.Tensor; relu: boolean } | undefined, stage: Stage): Computed => {
    const { norm } = stage;
    const statistics = norm === undefined ? Array(4).fill(nothing()) : [norm.weight, norm.bias, norm.runningMean, norm.runningVariance];
    const [y, coefficients, ...running] = raw.many(
      'ManConvolve',
      [from, before?.coefficients ?? nothing(), stage.filter, stage.bias ?? nothing(), ...statistics],
      4,
      {
        stride: stage.stride,
        padding: stage.padding,
        input_relu: before?.relu ?? false,
        norm: norm === undefined ? 0 : training ? 1 : 2,
        epsilon: float(1e-5),
        momentum: float(0.1),
      },
    ) as [tf.Tensor, tf.Tensor, ...tf.Tensor[]];
    if (norm !== undefined && training) moved.push(...running);
    return { y, coefficients };
  };
  stages.forEach((stage, i) => {
    const before = computed[i - 1];
    const input = before === undefined ? undefined : { coefficients: before.coefficients, relu: (stages[i - 1] as Stage).relu };
    computed.push(convolve(before?.y ?? x, input, stage));
  });
  const beside = typeof shortcut === 'object' ? convolve(x, undefined, shortcut) : undefined;
  const last = computed[computed.length - 1] as Computed;
  const { norm, relu } = stages[stages.length - 1] as Stage;
  // Of a bare convolution the way back needs no result.
  const kept = [...(norm === undefined ? computed.slice(0, -1) : computed), ...(beside === undefined ? [] : [beside])];
  save([x, ...kept.flatMap(({ y, coefficients }) => [y, coefficients])]);
  if (norm === undefined) return [last.y, ...moved];
  const y = raw.one('ManNormalise', [last.y, last.coefficients, ...residual(shortcut, x, beside)], { relu, pool });
  return [y, ...moved];
}

function residual(shortcut: Plan['shortcut'], x: tf.Tensor, beside: Computed | undefined): [tf.Tensor, tf.Tensor] {
  if (shortcut === undefined) return [nothing(), nothing()];
  return beside === undefined ? [x, nothing()] : [beside.y, beside.coefficients];
}

/**
 * Thunks by input. All gradients that will be asked for come from one walk back, so that each tensor is read once: those of the
 * variables that are trained, and that of x where its thunk is the first one called, as x is the first input.
 */
function lazily(plan: Plan, inputs: tf.NamedTensorMap, dy: tf.Tensor, saved: tf.Tensor[]): Record<string, () => tf.Tensor> {
  const names = Object.keys(inputs);
  const trained = names.filter((name) => name !== 'x' && (inputs[name] as tf.Variable).trainable !== false);
  const found = new Map<string, tf.Tensor>();
  const find = (wanted: readonly string[]) => {
    const results = shared(() => {
      const gradients = backward(plan, inputs, dy, saved, new Set(wanted));
      return wanted.map((name) => gradients[name] as tf.Tensor);
    })();
    wanted.forEach((name, i) => {
      found.set(name, results[i] as tf.Tensor);
    });
  };
  const thunk = (name: string) => () => {
    if (!found.has(name)) find(found.size > 0 ? [name] : [...new Set([name, ...trained])]);
    return found.get(name) as tf.Tensor;
  };
  return Object.fromEntries(names.map((name) => [name, thunk(name)]));
}

/** A gradient on its way back: of a stage's normalised result, with what its norm's gradients and the next step need. */
interface Upstream {
  readonly dz: tf.Tensor;
  readonly sum: tf.Tensor;
  readonly product: tf.Tensor;
}

function backward(
  plan: Plan,
  inputs: tf.NamedTensorMap,
  dy: tf.Tensor,
  saved: tf.Tensor[],
  wanted: ReadonlySet<string>,
): Record<string, tf.Tensor> {
  const { raw, stages, shortcut } = plan;
  const [x, ...kept] = saved as [tf.Tensor, ...tf.Tensor[]];
  const computed = [...stages, ...(typeof shortcut === 'object' ? [shortcut] : [])].map(
    (_, i): Computed => ({ y: kept[2 * i] ?? nothing(), coefficients: kept[2 * i + 1] ?? nothing() }),
  );
  const found: Record<string, tf.Tensor> = {};
  const isWanted = ({ name }: Stage, kinds = ['filter', 'bias', 'weight', 'shift']) => kinds.some((kind) => wanted.has(`${name}.${kind}`));

  /** Gradients of one convolution; its input's is returned, with the sums that a norm before it needs. */
  const convolveBack = (
    stage: Stage,
    i: number,
    upstream: Upstream,
    wantsInput: boolean,
    addend: tf.Tensor | undefined,
  ): Upstream | undefined => {
    const { name, norm } = stage;
    if (norm !== undefined) Object.assign(found, { [`${name}.weight`]: upstream.product, [`${name}.shift`]: upstream.sum });
    const flags = { wants_input: wantsInput, wants_filter: wanted.has(`${name}.filter`), wants_bias: wanted.has(`${name}.bias`) };
    if (!Object.values(flags).includes(true)) return undefined;
    const before = name === 'shortcut' ? undefined : computed[i - 1];
    const { y, coefficients } = computed[i] as Computed;
    const none = nothing();
    const operands = [
      ...[before?.y ?? x, before?.coefficients ?? none, inputs[`${name}.filter`] as tf.Tensor, upstream.dz],
      ...(norm === undefined ? [none, none, none, none] : [y, coefficients, upstream.sum, upstream.product]),
      addend ?? none,
    ];
    const attributes = { stride: stage.stride, padding: stage.padding, input_relu: before !== undefined && (stages[i - 1] as Stage).relu };
    const [dz, sum, product, filter, bias] = raw.many('ManConvolveGradient', operands, 5, { ...attributes, ...flags }) as tf.Tensor[];
    Object.assign(found, { [`${name}.filter`]: filter, [`${name}.bias`]: bias });
    return wantsInput ? { dz: dz as tf.Tensor, sum: sum as tf.Tensor, product: product as tf.Tensor } : undefined;
  };

  const top = unfinish(plan, dy, x, computed);
  let addend = shortcut === 'identity' && wanted.has('x') ? top.dz : undefined;
  if (typeof shortcut === 'object' && (wanted.has('x') || isWanted(shortcut)))
    addend = convolveBack(shortcut, stages.length, { ...top, product: top.beside }, wanted.has('x'), undefined)?.dz;
  let upstream: Upstream | undefined = top;
  for (let i = stages.length - 1; i >= 0 && upstream !== undefined; i--) {
    const isFirst = i === 0;
    const goesOn: boolean = isFirst ? wanted.has('x') : wanted.has('x') || stages.slice(0, i).some((stage) => isWanted(stage));
    const next: Upstream | undefined = convolveBack(stages[i] as Stage, i, upstream, goesOn, isFirst ? addend : undefined);
    if (upstream.dz !== dy && upstream.dz !== addend) upstream.dz.dispose();
    upstream = next;
  }
  if (upstream !== undefined) found.x = upstream.dz;
  return found;
}

/** Back through what stands behind the last convolution. `beside` belongs to the norm of the shortcut. */
function unfinish(
  { raw, stages, shortcut, pool }: Plan,
  dy: tf.Tensor,
  x: tf.Tensor,
  computed: readonly Computed[],
): Upstream & { beside: tf.Tensor } {
  const { norm, relu } = stages[stages.length - 1] as Stage;
  if (norm === undefined) return { dz: dy, sum: nothing(), product: nothing(), beside: nothing() };
  const last = computed[stages.length - 1] as Computed;
  const operands = [
    dy,
    last.y,
    last.coefficients,
    ...residual(shortcut, x, typeof shortcut === 'object' ? computed[stages.length] : undefined),
  ];
  const [dz, sum, product, beside] = raw.many('ManNormaliseGradient', operands, 4, { relu, pool }) as [
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
  ];
  return { dz: relu || pool ? dz : dy, sum, product, beside };
}
