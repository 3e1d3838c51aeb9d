import type { Rng } from '@man/base';
import { CLUTTER, type Figure } from './figures.ts';

/** Height and width of a picture, and its bytes. */
export const SIDE = 32;
export const PICTURE = SIDE * SIDE * 3;

/** Where a pixel is sampled, for smooth edges: its corners and middle first. */
const [LOW, MIDDLE, HIGH] = [1 / 6, 1 / 2, 5 / 6];
const SAMPLES: readonly (readonly [across: number, down: number])[] = [
  [LOW, LOW],
  [HIGH, LOW],
  [LOW, HIGH],
  [HIGH, HIGH],
  [MIDDLE, MIDDLE],
  [MIDDLE, LOW],
  [LOW, MIDDLE],
  [HIGH, MIDDLE],
  [MIDDLE, HIGH],
];
/** How far the noise goes, of 255. */
const NOISE = 10;

type Colour = readonly [number, number, number];

/** Where a figure stands: its centre in pixels, what a pixel is in its own units, and its direction. */
interface Placement {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly cos: number;
  readonly sin: number;
}

/**
 * Draws one picture, `[32, 32, 3]` uint8 at `out[at…]`: a gradient, clutter, the figure, something small above it, noise.
 *
 * Colours, place, size and direction are drawn alike for every figure, so they tell nothing about it. Only additions, multiplications,
 * divisions and comparisons of doubles: equal on every machine. Order of draws: two background colours, direction of the gradient, 1 to 3
 * pieces of clutter, the figure (place, size, turn, then colours until one differs enough), one piece above it, noise row by row.
 */
export function drawPicture(rng: Rng, figure: Figure, out: Uint8Array, at: number): void {
  const canvas = new Float64Array(PICTURE);
  const [from, to] = [anyColour(rng), anyColour(rng)];
  gradient(canvas, from, to, direction(rng));
  const pieces = 1 + rng.integer(3);
  for (let i = 0; i < pieces; i++) scatter(rng, canvas);
  const placement = { x: between(rng, 12, 20), y: between(rng, 12, 20), radius: between(rng, 8, 13), ...tilt(rng) };
  paint(canvas, figure, placement, contrasting(rng, from, to));
  scatter(rng, canvas);
  for (let i = 0; i < PICTURE; i++) {
    const value = Math.floor((canvas[i] as number) + rng.integer(2 * NOISE + 1) - NOISE + 0.5);
    out[at + i] = Math.max(0, Math.min(value, 255));
  }
}

function scatter(rng: Rng, canvas: Float64Array): void {
  const piece = CLUTTER[rng.integer(CLUTTER.length)] as Figure;
  const placement = { x: between(rng, 0, SIDE), y: between(rng, 0, SIDE), radius: between(rng, 1.2, 2.8), ...direction(rng) };
  paint(canvas, piece, placement, anyColour(rng));
}

/** Blends a figure into the canvas by the share of each pixel that it covers. */
function paint(canvas: Float64Array, figure: Figure, { x, y, radius, cos, sin }: Placement, colour: Colour): void {
  // No figure reaches farther than this many radii.
  const reach = 1.5 * radius;
  const [left, right] = [Math.max(0, Math.floor(x - reach)), Math.min(SIDE, Math.ceil(x + reach))];
  const [top, bottom] = [Math.max(0, Math.floor(y - reach)), Math.min(SIDE, Math.ceil(y + reach))];
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      let inside = 0;
      for (let i = 0; i < SAMPLES.length; i++) {
        // Where the corners and the middle agree, so does the rest.
        if (i === 5 && inside % 5 === 0) {
          inside = inside === 5 ? SAMPLES.length : 0;
          break;
        }
        const [across, down] = SAMPLES[i] as readonly [number, number];
        const dx = (column + across - x) / radius;
        const dy = (row + down - y) / radius;
        if (figure(cos * dx + sin * dy, cos * dy - sin * dx)) inside++;
      }
      if (inside > 0) blend(canvas, (row * SIDE + column) * 3, colour, inside / SAMPLES.length);
    }
  }
}

function blend(canvas: Float64Array, at: number, colour: Colour, share: number): void {
  const rest = 1 - share;
  canvas[at] = (canvas[at] as number) * rest + colour[0] * share;
  canvas[at + 1] = (canvas[at + 1] as number) * rest + colour[1] * share;
  canvas[at + 2] = (canvas[at + 2] as number) * rest + colour[2] * share;
}

function gradient(canvas: Float64Array, from: Colour, to: Colour, { cos, sin }: { cos: number; sin: number }): void {
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      // From -1 to 1 at most, since the direction has length 1 and the corners are √2 half sides away.
      const along = (cos * (column - 15.5) + sin * (row - 15.5)) / 22;
      blend(canvas, (row * SIDE + column) * 3, from, 1);
      blend(canvas, (row * SIDE + column) * 3, to, (along + 1) / 2);
    }
  }
}

const between = (rng: Rng, low: number, high: number) => low + (high - low) * rng.next();
const anyColour = (rng: Rng): Colour => [rng.integer(256), rng.integer(256), rng.integer(256)];

/** A colour that differs from both colours of the background; after 64 attempts whichever came last. */
function contrasting(rng: Rng, from: Colour, to: Colour): Colour {
  for (let attempt = 0; ; attempt++) {
    const found = anyColour(rng);
    if (attempt === 63 || (distance(found, from) >= 220 && distance(found, to) >= 220)) return found;
  }
}

const distance = (a: Colour, b: Colour) => Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]) + Math.abs(a[2] - b[2]);

/** A turn by up to 37 degrees to either side. */
function tilt(rng: Rng): { cos: number; sin: number } {
  const t = between(rng, -1 / 3, 1 / 3);
  return { cos: (1 - t * t) / (1 + t * t), sin: (2 * t) / (1 + t * t) };
}

/** A point of the unit circle, about evenly spread: rational in t within a quarter turn, then quarter turns. No sine, which machines round differently. */
function direction(rng: Rng): { cos: number; sin: number } {
  const t = rng.next();
  const [cos, sin] = [(1 - t * t) / (1 + t * t), (2 * t) / (1 + t * t)];
  const turned = [
    [cos, sin],
    [-sin, cos],
    [-cos, -sin],
    [sin, -cos],
  ][rng.integer(4)] as [number, number];
  return { cos: turned[0], sin: turned[1] };
}
