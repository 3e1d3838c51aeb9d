import type { Shape } from '@man/core';
import { batchNorm, conv2d, globalAveragePool, linear, relu, resize, sequential, type UnitFactory } from '@man/nn';

/**
 * One or two 3×3 convolutions, pooling, two linear layers. The first convolution halves the resolution and doubles the width
 * until the features are a quarter of the picture's size (16→32, 32→64, 64→64 in the CIFAR networks).
 */
export function classificationHead(shape: Shape, imageShape: Shape, kind: '1c2f' | '2c2f', hidden: number, outputs: number): UnitFactory {
  const isSmall = 4 * (shape[0] as number) <= (imageShape[0] as number);
  const filters = (shape[2] as number) * (isSmall ? 1 : 2);
  const second = { conv2: conv2d({ filters, kernel: 3, padding: 1 }), bn2: batchNorm(), relu2: relu() };
  return sequential({
    conv1: conv2d({ filters, kernel: 3, padding: 1, stride: isSmall ? 1 : 2 }),
    bn1: batchNorm(),
    relu1: relu(),
    ...(kind === '2c2f' ? second : {}),
    pool: globalAveragePool(),
    hidden: linear({ features: hidden }),
    relu: relu(),
    output: linear({ features: outputs }),
  });
}

/** From features to logits of the picture's pixels. */
export function decoderLayers([height, width, channels]: Shape): UnitFactory {
  return sequential({
    resize: resize([height as number, width as number]),
    conv1: conv2d({ filters: 12, kernel: 3, padding: 1, bias: true }),
    bn: batchNorm(),
    relu: relu(),
    conv2: conv2d({ filters: channels as number, kernel: 3, padding: 1, bias: true }),
  });
}
