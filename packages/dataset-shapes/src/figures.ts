/** Whether a point belongs to a figure of radius about 1 around the origin. */
export type Figure = (u: number, v: number) => boolean;

/** Half the height of an equilateral triangle's side over its inradius, and its inradius. */
const [COS_30, INRADIUS] = [0.8660254, 0.52];

const triangle: Figure = (u, v) => v <= INRADIUS && COS_30 * u - v / 2 <= INRADIUS && -COS_30 * u - v / 2 <= INRADIUS;
const within = (u: number, v: number, radius: number) => u * u + v * v <= radius * radius;
const boxed = (u: number, v: number, half: number) => Math.abs(u) <= half && Math.abs(v) <= half;

/** The figures by class, in the order of the labels. All look different under every rotation. */
export const FIGURES: Readonly<Record<string, Figure>> = {
  disk: (u, v) => within(u, v, 0.88),
  ring: (u, v) => within(u, v, 0.98) && !within(u, v, 0.55),
  square: (u, v) => boxed(u, v, 0.76),
  frame: (u, v) => boxed(u, v, 0.82) && !boxed(u, v, 0.46),
  triangle,
  star: (u, v) => triangle(u, v) || triangle(u, -v),
  cross: (u, v) => boxed(u, v, 0.95) && (Math.abs(u) <= 0.27 || Math.abs(v) <= 0.27),
  crescent: (u, v) => within(u, v, 0.98) && !within(u - 0.5, v, 0.74),
  bow: (u, v) => Math.abs(u) <= 0.95 && Math.abs(v) <= Math.abs(u) * 0.9 + 0.06,
  bars: (u, v) => boxed(u, v, 0.86) && (Math.abs(v) <= 0.2 || Math.abs(v) >= 0.5),
};

/** What lies about in the background: no class of its own. */
export const CLUTTER: readonly Figure[] = [
  (u, v) => within(u, v, 0.9),
  (u, v) => Math.abs(u) <= 1.4 && Math.abs(v) <= 0.3,
  (u, v) => boxed(u, v, 0.7),
];
