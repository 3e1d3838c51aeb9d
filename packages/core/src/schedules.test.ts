import { describe, expect, it } from 'vitest';
import { constant, cosine, multiStep } from './index.ts';

describe('schedules', () => {
  it('follows the authors’ CIFAR recipe: ramp of ten epochs, cosine, a last epoch of zero', () => {
    const rate = cosine({ base: 0.8, epochs: 400, warmup: 10 });
    const expected = { 1: 0.01, 2: 0.0889951, 5: 0.3258766, 10: 0.7198902, 11: 0.7985082, 100: 0.6828427, 200: 0.4 };
    for (const [epoch, value] of Object.entries(expected)) expect(rate(Number(epoch))).toBeCloseTo(value, 7);
    expect(rate(400)).toBe(0);
  });

  it('follows the authors’ ImageNet recipe: no ramp, a first epoch of the base rate', () => {
    const rate = cosine({ base: 0.05, epochs: 90, firstEpoch: 0 });
    expect(rate(1)).toBe(0.05);
    for (const [epoch, value] of [[31, 0.0375], [46, 0.025], [61, 0.0125]] as const) expect(rate(epoch)).toBeCloseTo(value, 12); // biome-ignore format: one line
    expect(rate(90)).toBeCloseTo(1.523e-5, 8);
  });

  it('steps at milestones and stays constant', () => {
    const rate = multiStep({ base: 0.1, milestones: [80, 120] });
    expect([79, 80, 120].map(rate)).toEqual([0.1, 0.1 * 0.1, 0.1 * 0.1 ** 2]);
    expect(constant(0.3)(17)).toBe(0.3);
  });

  it.each([
    () => cosine({ base: 0, epochs: 4 }),
    () => cosine({ base: 1, epochs: 0 }),
    () => cosine({ base: 1, epochs: 4, warmup: -1 }),
    () => multiStep({ base: 1, milestones: [3, 2] }),
    () => constant(-1),
  ])('refuses impossible options (%#)', (make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'MAN_CORE_OPTION' }));
  });
});
