import type { FeatureMap } from './messages.ts';

/** Losses of a block over the steps: a cell per step, dark where the loss is large; many steps share a cell. */
export function drawStrip(canvas: HTMLCanvasElement, losses: readonly number[], largest: number): void {
  const { width, height } = canvas;
  const context = contextOf(canvas);
  context.clearRect(0, 0, width, height);
  const perCell = Math.max(1, Math.ceil(losses.length / width));
  const cells = Math.ceil(losses.length / perCell);
  const cell = Math.max(1, Math.min(6, width / cells));
  for (let i = 0; i < cells; i++) {
    const part = losses.slice(i * perCell, (i + 1) * perCell);
    const mean = part.reduce((sum, loss) => sum + loss, 0) / part.length;
    context.fillStyle = `hsl(212 70% ${95 - 70 * Math.min(1, mean / largest)}%)`;
    context.fillRect(i * cell, 0, Math.ceil(cell), height);
  }
}

/** Grey or, with three bytes per pixel, coloured. */
export function drawMap(canvas: HTMLCanvasElement, { height, width, pixels }: FeatureMap): void {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  const channels = pixels.length / (width * height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[channels * i + Math.min(c, channels - 1)] as number;
    image.data[4 * i + 3] = 255;
  }
  contextOf(canvas).putImageData(image, 0, 0);
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser has no canvas');
  return context;
}
