import { createRng, type Rng } from '@man/base';
import { gradients } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { checkFailed } from './errors.ts';

/** Relative to the size of a variable's values, from the one that fits most often on. */
const STEPS = [1e-3, 3e-3, 1e-2, 3e-4, 1e-4, 3e-5];
/** Tried however little rounding leaves of a gradient. */
const LARGE = 3e-3;
const DIRECTIONS = 3;
/** Where a variable may stand when it is compared. */
const POINTS = 3;
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
 * a step may cross the kink of a ReLU, and a small one drowns in rounding. Where none fits, a kink may be too near: other points are tried.
 *
 * A variable without gradient (null) is one that `f` must not depend on.
 *
 * @throws MAN_TESTKIT_FAILED
 */
export function compareGradients(subject: Differentiated): void {
  const buffers = keeping(subject.buffers);
  try {
    for (const [name, variable] of Object.entries(subject.variables)) {
      const start = keeping({ variable });
      const rng = createRng('finite differences').split(name);
      let found = difference(subject, variable, rng, buffers.restore);
      for (let point = 1; found !== null && point < POINTS; point++) {
        start.restore();
        move(variable, rng.normal(new Float32Array(variable.size), 0, 0.1 * sizeOf(variable)), 1);
        found = difference(subject, variable, rng, buffers.restore);
      }
      start.restore();
      start.dispose();
      if (found !== null) throw wrongSlope(subject, name, found);
    }
  } finally {
    buffers.restore();
    buffers.dispose();
  }
}

interface Slopes {
  /** By finite differences. */
  readonly expected: number;
  /** By the gradient. */
  readonly got: number;
  readonly hasGradient: boolean;
}

function wrongSlope({ where, tolerance }: Differentiated, name: string, { expected, got, hasGradient }: Slopes): Error {
  return checkFailed(
    `${where}, ${name}`,
    `a slope of ${expected.toPrecision(4)} along a random direction, as finite differences give`,
    `${got.toPrecision(4)}${hasGradient ? '' : ' (no gradient)'}`,
    `every operation on the way must be differentiable and differentiated (tolerance: ${tolerance} of the gradient’s length)`,
  );
}

/** The first direction in which a variable's gradient, where it stands, is not that of finite differences, or null. */
function difference({ tolerance, f }: Differentiated, variable: tf.Variable, rng: Rng, restore: () => void): Slopes | null {
  restore();
  const { value, gradients: slopes } = gradients(() => ({ loss: f() }), [variable]);
  const level = Math.abs(value.loss.dataSync()[0] as number);
  const values = slopes[0]?.dataSync<'float32'>() ?? new Float32Array(variable.size);
  const hasGradient = slopes[0] !== null;
  tf.dispose([value.loss, slopes as tf.Tensor[]]);
  const size = sizeOf(variable);
  const allowed = tolerance * size * Math.sqrt(values.reduce((sum, slope) => sum + slope * slope, 0));
  const rounding = (step: number) => (ROUNDING * (1 + level)) / step;
  const steps = STEPS.filter((step) => step >= LARGE || rounding(step) <= allowed);
  const start = keeping({ variable });
  const at = (direction: Float32Array, step: number) => {
    start.restore();
    restore();
    move(variable, direction, step);
    return tf.tidy(() => f().dataSync()[0] as number);
  };
  try {
    for (let turn = 0; turn < DIRECTIONS; turn++) {
      const direction = rng.uniform(new Float32Array(variable.size)).map((share) => (share < 0.5 ? -size : size));
      const got = direction.reduce((sum, part, i) => sum + part * (values[i] as number), 0);
      let nearest = Number.NaN;
      const fits = steps.some((step) => {
        const expected = (at(direction, step) - at(direction, -step)) / (2 * step);
        if (!(Math.abs(nearest - got) < Math.abs(expected - got))) nearest = expected;
        return Math.abs(expected - got) <= allowed + rounding(step);
      });
      if (!fits) return { expected: nearest, got, hasGradient };
    }
    return null;
  } finally {
    start.restore();
    start.dispose();
  }
}

function move(variable: tf.Variable, direction: Float32Array, step: number): void {
  tf.tidy(() => variable.assign(tf.add(variable, tf.mul(tf.tensor(direction, variable.shape), step))));
}

/** Root mean square. */
function sizeOf(tensor: tf.Tensor): number {
  const size = tf.tidy(() => Math.sqrt(tf.mean(tf.square(tensor)).dataSync()[0] as number));
  return size < 1e-3 ? SIZE_OF_ZEROS : size;
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
