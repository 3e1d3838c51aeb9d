import type * as tf from '@tensorflow/tfjs';
import type { BatchNormVariables } from './batch-norm.ts';
import type { RunningStatistics, StackLayer, StackOptions, StackResult } from './convolution-stack.ts';
import { shapeMismatch, singleValueStatistics } from './errors.ts';
import { float, isRecording, nativeTensorFlow, type RawTensorFlow, runDifferentiable } from './kernel.ts';
import { nothing } from './native-kernels.ts';
import { stackGradients } from './native-stack-gradient.ts';
import { checkShapes, pair } from './shapes.ts';

/** A layer as the operations take it. */
export interface Stage {
  /** In the names of inputs: `0`, `1`, … and `shortcut`. */
  readonly name: string;
  readonly filter: tf.Tensor;
  readonly bias: tf.Tensor | undefined;
  readonly stride: number;
  readonly padding: number;
  readonly groups: number;
  /** What the input is resized to first; zeros leave it as it is. */
  readonly size: readonly [number, number];
  readonly norm: BatchNormVariables | undefined;
  readonly relu: boolean;
}

export interface Plan {
  readonly raw: RawTensorFlow;
  readonly stages: readonly Stage[];
  readonly shortcut: Stage | 'identity' | undefined;
  readonly training: boolean;
  readonly pool: boolean;
}

/** What a stage computed: its convolution before normalisation, and the normalisation's coefficients. */
export interface Computed {
  readonly y: tf.Tensor;
  readonly coefficients: tf.Tensor;
}

/** All stages, the shortcut's last. */
export function stagesOf({ stages, shortcut }: Plan): readonly Stage[] {
  return typeof shortcut === 'object' ? [...stages, shortcut] : stages;
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
  for (const { name, filter, bias, norm } of stagesOf(plan)) {
    inputs[`${name}.filter`] = filter;
    if (bias !== undefined) inputs[`${name}.bias`] = bias;
    if (norm !== undefined) Object.assign(inputs, { [`${name}.weight`]: norm.weight, [`${name}.shift`]: norm.bias });
  }
  const outputs = runDifferentiable({
    inputs,
    forward: (save) => forward(plan, x, save),
    backward: (dy, saved) => stackGradients(plan, inputs, dy, saved),
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
  if (stride !== otherStride || padding !== otherPadding || taps > 256) return null;
  const fitsResize = filter.shape[0] === 3 && filter.shape[1] === 3 && stride === 1 && padding === 1;
  if (layer.resize !== undefined && !fitsResize) return null;
  return { name, filter, bias, stride, padding, groups, size: layer.resize ?? [0, 0], norm, relu };
}

/** The same errors as the composed form's. */
function checkPlan(x: tf.Tensor, { stages, shortcut, training }: Plan): void {
  const pass = (from: readonly number[], { filter, bias, stride, padding, groups, size: to, norm }: Stage): number[] => {
    const shape = to[0] > 0 && from.length === 4 ? [from[0] as number, ...to, from[3] as number] : from;
    checkShapes(shape, filter, [padding, padding], groups);
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
        ...geometry(stage),
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
  save([x, ...stagesOf(plan).map(({ filter }) => filter), ...kept.flatMap(({ y, coefficients }) => [y, coefficients])]);
  if (norm === undefined) return [last.y, ...moved];
  const y = raw.one('ManNormalise', [last.y, last.coefficients, ...residual(shortcut, x, beside)], { relu, pool });
  return [y, ...moved];
}

export function geometry({ stride, padding, groups, size: [height, width] }: Stage) {
  return { stride, padding, groups, height, width };
}

export function residual(shortcut: Plan['shortcut'], x: tf.Tensor, beside: Computed | undefined): [tf.Tensor, tf.Tensor] {
  if (shortcut === undefined) return [nothing(), nothing()];
  return beside === undefined ? [x, nothing()] : [beside.y, beside.coefficients];
}
