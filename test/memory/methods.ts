import { imageNetResNet, resnet } from '@man/backbone-resnet';
import { vgg } from '@man/backbone-vgg';
import { type Batch, createTrainer, disposeBatch, type Trainer } from '@man/core';
import { auglocal } from '@man/loss-auglocal';
import { dgl } from '@man/loss-dgl';
import { infopro } from '@man/loss-infopro';
import { predsim } from '@man/loss-predsim';
import { man } from '@man/plugin';
import * as tf from '@tensorflow/tfjs';

const small = resnet({ depth: 32 });
const local = { backbone: small, partition: { blocks: 16 } } as const;

/** Every method on ResNet-32. */
export const methods: Readonly<Record<string, () => Trainer>> = {
  'end to end': () => createTrainer({ backbone: small }),
  InfoPro: () => createTrainer({ ...local, loss: infopro() }),
  DGL: () => createTrainer({ ...local, loss: dgl() }),
  'DGL + MAN': () => createTrainer({ ...local, loss: dgl(), plugins: [man()] }),
  PredSim: () => createTrainer({ ...local, loss: predsim() }),
  'PredSim + MAN': () => createTrainer({ ...local, loss: predsim(), plugins: [man()] }),
  'AugLocal + MAN': () => createTrainer({ ...local, loss: auglocal(), plugins: [man()] }),
  'InfoPro, 2c2f': () => createTrainer({ ...local, loss: infopro({ head: '2c2f' }) }),
  'InfoPro + MAN': () => createTrainer({ ...local, loss: infopro(), plugins: [man()] }),
  'InfoPro + EMA': () => createTrainer({ ...local, loss: infopro(), plugins: [man({ bias: 'none' })] }),
  'InfoPro + MAN, K=8': () => createTrainer({ ...local, partition: { blocks: 8 }, loss: infopro(), plugins: [man()] }),
  'InfoPro + MAN++': () => createTrainer({ ...local, loss: infopro(), plugins: [man({ mix: 'gated' })] }),
};

/** Networks for ImageNet, with the batch that is affordable in a test. */
export const large: Readonly<Record<string, readonly [batch: number, create: () => Trainer]>> = {
  'ResNet-101, end to end': [4, () => createTrainer({ backbone: imageNetResNet({ depth: 101 }) })],
  'ResNet-101, DGL + MAN, K=4': [
    4,
    () => createTrainer({ backbone: imageNetResNet({ depth: 101 }), partition: { blocks: 4 }, loss: dgl(), plugins: [man()] }),
  ],
  'VGG13, DGL + MAN, K=10': [
    2,
    () => createTrainer({ backbone: vgg({ depth: 13 }), partition: { blocks: 10 }, loss: dgl({ head: 'original' }), plugins: [man()] }),
  ],
  'VGG13, end to end': [2, () => createTrainer({ backbone: vgg({ depth: 13 }) })],
};

/** What trains two steps for real, and the most bytes of tensors it took, by the whole step and by block. */
export function measure(create: () => Trainer, batch: number): { readonly peak: number; readonly blocks: readonly number[] } {
  const before = tf.memory().numBytes;
  const trainer = create();
  const shape = [batch, ...trainer.backbone.inputShape] as [number, number, number, number];
  const pictures: Batch = { images: tf.zeros(shape), labels: tf.zeros([batch], 'int32'), pixels: tf.zeros(shape) };
  for (let i = 0; i < 2; i++) trainer.step(pictures, { learningRate: 0.01 });
  disposeBatch(pictures);
  const result = { peak: trainer.peakTensorBytes - before, blocks: trainer.peakBytesOfBlocks.map((bytes) => bytes - before) };
  trainer.dispose();
  return result;
}
