/**
 * Convolutions of a ResNet-32 InfoPro + MAN step by themselves, at batch 128: `npx vitest bench --config test/vitest.config.ts`.
 * The efficiency that `npm run bench` prints is the sum of such times over the time of a step.
 */
import * as tf from '@tensorflow/tfjs';
import { bench, describe } from 'vitest';
import * as ops from './index.ts';
import { prepareCall, recordConvolutions } from './testing/convolutions.ts';

const BATCH = 128;
const { kernels } = await ops.useEngine('tensorflow');

const layer = (inputs: number, filters: number, more: Partial<ops.StackLayer> = {}): ops.StackLayer => ({
  filter: ops.createVariable(tf.randomNormal([3, 3, inputs, filters], 0, 0.1)),
  padding: 1,
  relu: true,
  norm: {
    weight: ops.createVariable(tf.ones([filters])),
    bias: ops.createVariable(tf.zeros([filters])),
    runningMean: tf.zeros([filters]),
    runningVariance: tf.ones([filters]),
  },
  ...more,
});

/** What stands in the network, by what it is called there. */
const cases: Readonly<Record<string, readonly [size: number, channels: number, layers: readonly ops.StackLayer[]]>> = {
  'unit of stage 1': [32, 16, [layer(16, 16), layer(16, 16)]],
  'unit of stage 2': [16, 32, [layer(32, 32), layer(32, 32)]],
  'unit of stage 3': [8, 64, [layer(64, 64), layer(64, 64)]],
  'head of stage 1': [32, 16, [layer(16, 32, { stride: 2 })]],
  'decoder of stage 1': [32, 16, [layer(16, 12), { ...layer(12, 3), norm: undefined, relu: false }]],
  'decoder of stage 3': [8, 64, [layer(64, 12, { resize: [32, 32] }), { ...layer(12, 3), norm: undefined, relu: false }]],
};

for (const [name, [size, channels, layers]] of Object.entries(cases)) {
  describe.skipIf(kernels !== 'native')(`${name}, batch ${BATCH}`, () => {
    const x = ops.createVariable(tf.randomNormal([BATCH, size, size, channels]));
    const variables = [x, ...layers.flatMap(({ filter, norm }) => [filter, ...(norm ? [norm.weight, norm.bias] : [])])];
    const calls = recordConvolutions(() => {
      const { value, gradients } = ops.gradients(
        () => ({ loss: tf.sum(ops.convolutionStack(x, layers, { training: true }).y) as tf.Scalar }),
        variables,
      );
      tf.dispose([value, gradients] as tf.TensorContainer);
    });
    for (const { call } of calls) {
      const { run } = prepareCall(call);
      const [picture, , filter] = call.shapes;
      bench(`${call.name} [${picture}] by [${filter}]`, run, { time: 300, iterations: 5 });
    }
  });
}
