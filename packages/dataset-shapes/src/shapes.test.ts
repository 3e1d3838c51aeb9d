import { createHash } from 'node:crypto';
import type { Dataset, ImageSplit } from '@man/data';
import { describe, expect, it } from 'vitest';
import { FIGURES } from './figures.ts';
import { SHAPES_CLASSES, shapes } from './shapes.ts';

const bytes = (split: ImageSplit) => split.images as Uint8Array;
const digest = (split: ImageSplit) => createHash('sha256').update(bytes(split)).update(split.labels).digest('hex').slice(0, 16);

describe('shapes', () => {
  it('is the same on every machine (golden)', () => {
    const { train, test } = shapes({ train: 200, test: 50 });
    expect([digest(train), digest(test)]).toEqual(['dd03088ea694db81', '2f06204f6968e3f5']);
    expect([...train.labels.subarray(0, 20)]).toEqual([3, 9, 7, 4, 1, 2, 8, 0, 5, 6, 6, 3, 0, 9, 1, 4, 7, 5, 8, 2]);
  });

  it('depends on the seed, and on nothing else: fewer are the first of more', () => {
    const [a, b, other] = [
      shapes({ seed: 5, train: 40, test: 10 }),
      shapes({ seed: 5, train: 25, test: 10 }),
      shapes({ seed: 6, train: 40, test: 10 }),
    ];
    expect(Buffer.compare(bytes(a.train).subarray(0, 25 * 3072), bytes(b.train))).toBe(0);
    expect(digest(a.test)).toBe(digest(b.test));
    expect(digest(a.train)).not.toBe(digest(other.train));
    expect(Buffer.compare(bytes(a.train).subarray(0, 10 * 3072), bytes(a.test))).not.toBe(0);
  });

  it('has ten classes, each once in every ten pictures', () => {
    const { train, classes } = shapes({ train: 50, test: 10 });
    expect(classes).toEqual(SHAPES_CLASSES);
    expect(classes).toHaveLength(10);
    for (let i = 0; i < 50; i += 10) expect([...train.labels.subarray(i, i + 10)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('is normalised to mean 0 and deviation 1', () => {
    const { train, normalization } = shapes({ train: 1000, test: 10 });
    for (const c of [0, 1, 2]) {
      let [sum, squares] = [0, 0];
      for (let i = c; i < bytes(train).length; i += 3) {
        const value = ((bytes(train)[i] as number) / 255 - (normalization.mean[c] as number)) / (normalization.std[c] as number);
        sum += value;
        squares += value * value;
      }
      const count = bytes(train).length / 3;
      expect(Math.abs(sum / count)).toBeLessThan(0.05);
      expect(Math.abs(Math.sqrt(squares / count) - 1)).toBeLessThan(0.03);
    }
  });

  it('tells nothing of the class by colour or brightness', () => {
    const { train } = shapes({ train: 2000, test: 10 });
    const means = SHAPES_CLASSES.map(() => 0);
    train.labels.forEach((label, i) => {
      const picture = bytes(train).subarray(i * 3072, (i + 1) * 3072);
      means[label] = (means[label] as number) + picture.reduce((a, b) => a + b, 0) / 3072 / 200;
    });
    // The mean brightness of a picture deviates by about 45, that of 200 by 3.2: four times that at most.
    for (const mean of means) expect(Math.abs(mean - 127.5)).toBeLessThan(13);
  });

  it.each([{ train: 0 }, { test: 2.5 }, { seed: Number.NaN }])('refuses %j', (options) => {
    expect(() => shapes(options)).toThrow(expect.objectContaining({ code: 'MAN_SHAPES_OPTION' }));
  });
});

describe('figures', () => {
  it('differ from each other under every turn by a twentieth of their box', () => {
    const mask = (name: string, turn: number) => {
      const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
      return Array.from({ length: 900 }, (_, i) => {
        const [x, y] = [(i % 30) / 12 - 1.2, Math.floor(i / 30) / 12 - 1.2];
        return FIGURES[name]?.(cos * x + sin * y, cos * y - sin * x) === true;
      });
    };
    const turns = Array.from({ length: 12 }, (_, i) => (i * Math.PI) / 6);
    for (const [i, a] of SHAPES_CLASSES.entries()) {
      const straight = mask(a, 0);
      for (const b of SHAPES_CLASSES.slice(i + 1)) {
        for (const turn of turns) {
          const turned = mask(b, turn);
          const different = straight.filter((inside, k) => inside !== turned[k]).length;
          expect(different / 900, `${a} and ${b}`).toBeGreaterThan(0.05);
        }
      }
    }
  });
});

/** Test accuracy of softmax regression on the pixels: full-precision SGD with momentum over a few epochs. */
function linearAccuracy({ train, test, normalization }: Dataset, epochs: number): number {
  const weights = Array.from({ length: 10 }, () => new Float64Array(3073));
  const input = new Float64Array(3073).fill(1);
  const scores = new Float64Array(10);
  const look = (split: ImageSplit, i: number) => {
    for (let k = 0; k < 3072; k++) input[k] = ((bytes(split)[i * 3072 + k] as number) / 255 - 0.5) / (normalization.std[0] as number);
    for (let c = 0; c < 10; c++) {
      const row = weights[c] as Float64Array;
      let sum = 0;
      for (let k = 0; k < 3073; k++) sum += (row[k] as number) * (input[k] as number);
      scores[c] = sum;
    }
  };
  for (let step = 0; step < epochs * train.size; step++) {
    const i = step % train.size;
    look(train, i);
    const top = Math.max(...scores);
    const total = scores.reduce((sum, score) => sum + Math.exp(score - top), 0);
    const rate = 3e-4 * (1 - step / (epochs * train.size));
    for (let c = 0; c < 10; c++) {
      const row = weights[c] as Float64Array;
      const slope = rate * ((c === train.labels[i] ? 1 : 0) - Math.exp((scores[c] as number) - top) / total);
      for (let k = 0; k < 3073; k++) row[k] = (row[k] as number) + slope * (input[k] as number);
    }
  }
  let right = 0;
  for (let i = 0; i < test.size; i++) {
    look(test, i);
    if (scores.indexOf(Math.max(...scores)) === test.labels[i]) right++;
  }
  return right / test.size;
}

describe('a linear model on the pixels', () => {
  it('fails', () => {
    expect(linearAccuracy(shapes({ train: 3000, test: 500 }), 2)).toBeLessThan(0.3);
  });

  it('would not, if a corner told the class', () => {
    const dataset = shapes({ train: 1000, test: 200 });
    for (const split of [dataset.train, dataset.test]) {
      split.labels.forEach((label, i) => {
        for (let k = 0; k < 30; k++) bytes(split)[i * 3072 + k] = Math.floor(k / 3) === label ? 255 : 0;
      });
    }
    expect(linearAccuracy(dataset, 3)).toBeGreaterThan(0.9);
  });
});
