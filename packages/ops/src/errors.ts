import { ManError } from '@man/base';
import type { Tensor } from '@tensorflow/tfjs';

/** Shape and type of a tensor, as error messages show it: `float32 [128,32,32,3]`. */
function show(tensor: Tensor): string {
  return `${tensor.dtype} [${tensor.shape.join(',')}]`;
}

export function shapeMismatch(operation: string, expected: string, got: Tensor | string): ManError {
  return new ManError(`${operation}: expected ${expected}, got ${typeof got === 'string' ? got : show(got)}`, {
    code: 'MAN_OPS_SHAPE',
    hint: 'print the shapes before the call; activations are [n, height, width, channels], filters [height, width, in / groups, out]',
  });
}

export function badOption(operation: string, option: string, expected: string, got: unknown): ManError {
  return new ManError(`${operation}: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_OPS_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}

export function singleValueStatistics(shape: readonly number[]): ManError {
  return new ManError(
    `batchNorm: expected more than one value per channel to take statistics of, got a tensor of shape [${shape.join(',')}]`,
    {
      code: 'MAN_OPS_BATCH_TOO_SMALL',
      hint: 'train with a batch of at least 2 examples (drop or enlarge the last partial batch)',
    },
  );
}

export function nestedGradients(): ManError {
  return new ManError('gradients: expected to run outside of any other gradient computation, got a call inside one', {
    code: 'MAN_OPS_NESTED_GRADIENTS',
    hint: 'call gradients() outside of tf.grad, tf.variableGrads and other gradients() calls; second derivatives need tf.grads',
  });
}

export function lossNotScalar(got: Tensor | undefined): ManError {
  return new ManError(`gradients: expected f to return { loss } with a float32 scalar, got ${got === undefined ? 'none' : show(got)}`, {
    code: 'MAN_OPS_LOSS_NOT_SCALAR',
    hint: 'reduce the loss over the batch, e.g. with tf.mean',
  });
}

export function noGradient(kernelName: string): ManError {
  return new ManError(
    `gradients: expected every operation between variables and loss to have a gradient, got '${kernelName}' without one`,
    {
      code: 'MAN_OPS_NO_GRADIENT',
      hint: `register one with tf.registerGradient, or keep '${kernelName}' out of the path to the loss`,
    },
  );
}

export function engineUnavailable(engine: string, reason: string, cause: unknown): ManError {
  return new ManError(`engine '${engine}': expected it to start, got: ${reason}`, {
    code: 'MAN_OPS_ENGINE_UNAVAILABLE',
    hint:
      engine === 'tensorflow'
        ? 'npm install @tensorflow/tfjs-node-gpu --ignore-scripts && npx man-native install; npx man-native doctor tells what is missing'
        : engine === 'wasm'
          ? 'npm install @tensorflow/tfjs-backend-wasm'
          : 'npx man-native install; npx man-native doctor tells what is missing',
    cause,
  });
}

export function unknownEngine(got: string): ManError {
  return new ManError(`engine: expected one of auto, tensorflow, wasm, cpu, got '${got}'`, {
    code: 'MAN_OPS_UNKNOWN_ENGINE',
    hint: "use 'auto' to take the fastest that works",
  });
}

export function unknownKernels(got: string, known: readonly string[]): ManError {
  return new ManError(`MAN_OPS: expected one of ${known.join(', ')}, got '${got}'`, {
    code: 'MAN_OPS_UNKNOWN_KERNELS',
    hint: 'unset MAN_OPS to take the fastest kernels that are installed',
  });
}

export function noShape(operation: string): ManError {
  return new ManError(`withShapes: expected operations whose result's shape is known, got '${operation}'`, {
    code: 'MAN_OPS_NO_SHAPE',
    hint: `express it by other operations, or register a kernel of '${operation}' for the tfjs backend 'shapes'`,
  });
}
