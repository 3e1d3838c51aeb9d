import { createRng, type Rng } from '@man/base';
import { gradients } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { checkFailed } from './errors.ts';

/** Relative to the size of a variable's values, from the one that fits most often on. */
const STEPS = [1e-3, 3e-3, 1e-2, 3e-4, 1e-4, 3e-5];
/** Tried however little rounding leaves of a gradient. */
const LARGE = 3e-3;
const DIRECTIONS = 3;
/** What a sum of many float32 numbers is off by, relative to its size. */
const ROUNDING = 2e-7;
/** Taken for that of variables whose values are as good as 0, such as biases. */
const SIZE_OF_ZEROS = 0.1;

/** What is differentiated, and by what. */
export interface Differentiated {
  /** For messages. */
  readonly where: string;
  /** Variables and inputs (variables, too) by name. */
  readonly variables: Readonly<Record<string, tf.Variable>>;
  /** What `f` changes besides: as before at every evaluation. */
  readonly buffers: Readonly<Record<string, tf.Variable>>;
  /** How far a slope may be off, relative to the gradient's length. */
  readonly tolerance: number;
  /** A scalar of its own. */
  f(): tf.Scalar;
}

/**
 * Compares gradients with central differences: for each variable along three random directions, at the step of several that fits, since
 * a step may cross the kink of a ReLU, and a small one drowns in rounding.
 *
 * A variable without gradient (null) is one that `f` must not depend on.
 *
 * @throws MAN_TESTKIT_FAILED
 */
export function compareGradients(subject: Differentiated): void {
  const { where, variables, tolerance } = subject;
  const buffers = keeping(subject.buffers);
  const { value, gradients: slopes } = gradients(() => ({ loss: subject.f() }), Object.values(variables));
  try {
    const level = Math.abs(value.loss.dataSync()[0] as number);
    for (const [i, name] of Object.keys(variables).entries()) {
      const found = difference(subject, name, slopes[i] ?? null, level, buffers.restore);
      if (found !== null)
        throw checkFailed(
          `${where}, ${name}`,
          `a slope of ${found.expected.toPrecision(4)} along a random direction, as finite differences give`,
          `${found.got.toPrecision(4)}${slopes[i] === null ? ' (no gradient)' : ''}`,
          `every operation on the way must be differentiable and differentiated (tolerance: ${tolerance} of the gradient’s length)`,
        );
    }
  } finally {
    buffers.restore();
    buffers.dispose();
    tf.dispose([value.loss, slopes as tf.Tensor[]]);
  }
}

interface Slopes {
  /** By finite differences. */
  readonly expected: number;
  /** By the gradient. */
  readonly got: number;
}

/** The first direction in which a variable's gradient is not that of finite differences, or null. */
function difference(
  { variables, tolerance, f }: Differentiated,
  name: string,
  gradient: tf.Tensor | null,
  level: number,
  restore: () => void,
): Slopes | null {
  const variable = variables[name] as tf.Variable;
  const start = tf.keep(tf.clone(variable));
  const size = sizeOf(start);
  const values = gradient === null ? new Float32Array(variable.size) : gradient.dataSync<'float32'>();
  const allowed = tolerance * size * Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  const rounding = (step: number) => (ROUNDING * (1 + level)) / step;
  const steps = STEPS.filter((step) => step >= LARGE || rounding(step) <= allowed);
  const at = (direction: tf.Tensor, step: number) =>
    tf.tidy(() => {
      variable.assign(tf.add(start, tf.mul(direction, step)));
      restore();
      return f().dataSync()[0] as number;
    });
  const rng = createRng('finite differences').split(name);
  try {
    for (let turn = 0; turn < DIRECTIONS; turn++) {
      const signs = randomSigns(rng, variable.size, size);
      const got = signs.reduce((sum, sign, i) => sum + sign * (values[i] as number), 0);
      const direction = tf.tensor(signs, variable.shape);
      let nearest = Number.NaN;
      const fits = steps.some((step) => {
        const expected = (at(direction, step) - at(direction, -step)) / (2 * step);
        if (!(Math.abs(nearest - got) < Math.abs(expected - got))) nearest = expected;
        return Math.abs(expected - got) <= allowed + rounding(step);
      });
      direction.dispose();
      if (!fits) return { expected: nearest, got };
    }
    return null;
  } finally {
    variable.assign(start);
    start.dispose();
  }
}

/** Root mean square. */
function sizeOf(tensor: tf.Tensor): number {
  const size = tf.tidy(() => Math.sqrt(tf.mean(tf.square(tensor)).dataSync()[0] as number));
  return size < 1e-3 ? SIZE_OF_ZEROS : size;
}

function randomSigns(rng: Rng, count: number, size: number): Float32Array {
  return rng.uniform(new Float32Array(count)).map((value) => (value < 0.5 ? -size : size));
}

/** Remembers values, to put them back again and again. */
function keeping(variables: Readonly<Record<string, tf.Variable>>): { restore(): void; dispose(): void } {
  const kept = Object.values(variables).map((variable) => [variable, tf.keep(tf.clone(variable))] as const);
  return {
    restore() {
      for (const [variable, value] of kept) variable.assign(value);
    },
    dispose: () => tf.dispose(kept.map(([, value]) => value)),
  };
}
