import type { Shape } from '@man/core';
import { batchNorm, type Conv2DLayerOptions, conv2d, globalAveragePool, linear, relu, resize, sequential, type UnitFactory } from '@man/nn';

/** Whose networks: those for ImageNet from an eighth of the picture's size on (`'auto'`), or everywhere those for CIFAR. */
export type InfoProHead = 'auto' | '1c2f' | '2c2f';

/** What is put behind a block. */
interface AuxiliaryLayers {
  /** To logits of the classes, or to features that are compared. */
  readonly head: UnitFactory;
  /** To logits of the picture's pixels. */
  readonly decoder: UnitFactory;
}

interface AuxiliaryOptions {
  readonly kind: InfoProHead;
  /** What `'auto'` takes where it does not take the networks for ImageNet. */
  readonly small: '1c2f' | '2c2f';
  readonly hidden: number;
  readonly outputs: number;
}

/** The head and the decoder for features of a shape; with `'auto'` their size relative to the picture's decides which. */
export function auxiliaryLayers(shape: Shape, imageShape: Shape, { kind, small, hidden, outputs }: AuxiliaryOptions): AuxiliaryLayers {
  const reduction = Math.round((imageShape[0] as number) / (shape[0] as number));
  if (kind === 'auto' && reduction >= 8) {
    const isEighth = reduction < 16;
    return { head: imageNetHead(isEighth, outputs), decoder: imageNetDecoder(isEighth, imageShape) };
  }
  const convolutions = kind === 'auto' ? small : kind;
  return { head: smallHead(shape, reduction, convolutions, hidden, outputs), decoder: smallDecoder(imageShape) };
}

/**
 * One or two 3×3 convolutions, pooling, two linear layers. The first convolution halves the resolution and doubles the width
 * until the features are a quarter of the picture's size (16→32, 32→64, 64→64 in the CIFAR networks).
 */
function smallHead(shape: Shape, reduction: number, kind: '1c2f' | '2c2f', hidden: number, outputs: number): UnitFactory {
  const isSmall = reduction >= 4;
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

function smallDecoder([height, width, channels]: Shape): UnitFactory {
  return sequential({
    resize: resize([height as number, width as number]),
    conv1: conv2d({ filters: 12, kernel: 3, padding: 1, bias: true }),
    bn: batchNorm(),
    relu: relu(),
    conv2: conv2d({ filters: channels as number, kernel: 3, padding: 1, bias: true }),
  });
}

/** Four convolutions to 2,048 channels at a quarter of the features' size, pooling, one linear layer. */
function imageNetHead(isEighth: boolean, outputs: number): UnitFactory {
  return sequential({
    ...normalised(1, { filters: isEighth ? 128 : 256, kernel: 1 }),
    ...normalised(2, { filters: 256, kernel: 3, padding: 1, stride: 2 }),
    ...normalised(3, { filters: 512, kernel: 3, padding: 1, stride: 2 }),
    ...normalised(4, { filters: 2048, kernel: 1 }),
    pool: globalAveragePool(),
    output: linear({ features: outputs }),
  });
}

/** Fewer channels, then in turns twice the size and a convolution, up to the picture's own. */
function imageNetDecoder(isEighth: boolean, [height, width, channels]: Shape): UnitFactory {
  const enlarged = (part: number) => resize([Math.ceil((height as number) / part), Math.ceil((width as number) / part)]);
  const near = (first: number): Record<string, UnitFactory> => ({
    [`resize${first}`]: enlarged(4),
    ...normalised(first, { filters: 32, kernel: 3, padding: 1, bias: true }),
    [`resize${first + 1}`]: enlarged(2),
    ...normalised(first + 1, { filters: 12, kernel: 3, padding: 1, bias: true }),
    [`resize${first + 2}`]: enlarged(1),
    [`conv${first + 2}`]: conv2d({ filters: channels as number, kernel: 3, padding: 1, bias: true }),
  });
  if (isEighth) return sequential({ ...normalised(1, { filters: 128, kernel: 1, bias: true }), ...near(2) });
  return sequential({
    ...normalised(1, { filters: 192, kernel: 1, bias: true }),
    resize2: enlarged(8),
    ...normalised(2, { filters: 64, kernel: 1, bias: true }),
    ...near(3),
  });
}

/** `conv1`, `bn1`, `relu1`, or with another number. */
function normalised(number: number, options: Conv2DLayerOptions): Record<string, UnitFactory> {
  return { [`conv${number}`]: conv2d(options), [`bn${number}`]: batchNorm(), [`relu${number}`]: relu() };
}
