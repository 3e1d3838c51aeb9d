import { describe, expect, it } from 'vitest';
import { loadTrainConfig } from './configuration.ts';
import { assemble } from './factories.ts';

const PICTURES = { classes: 10, imageShape: [32, 32, 3] };

const schedule = (...overrides: string[]) => assemble(loadTrainConfig(overrides).config, PICTURES).schedule;

describe('assemble', () => {
  it("has the paper's learning rates at its batch", () => {
    const rate = schedule('experiment=cifar10-resnet32-k16');
    expect([1, 2, 11, 200, 400].map((epoch) => Number(rate(epoch).toFixed(7)))).toEqual([0.01, 0.0889951, 0.7985082, 0.4, 0]);
  });

  it.each(['cosine', 'multistep', 'constant'])('scales the rates of %s with the batch', (name) => {
    const whole = schedule(`schedule=${name}`, 'train.batch=1024');
    const eighth = schedule(`schedule=${name}`, 'train.batch=128');
    const kept = schedule(`schedule=${name}`, 'train.batch=128', 'schedule.perBatch=null');
    for (const epoch of [1, 2, 6, 9]) {
      expect(eighth(epoch)).toBeCloseTo(whole(epoch) / 8, 12);
      expect(kept(epoch)).toBeCloseTo(whole(epoch), 12);
    }
  });

  it('has no local loss and no plugin end to end', () => {
    const parts = assemble(loadTrainConfig(['loss=e2e']).config, PICTURES);
    expect([parts.loss, parts.plugin, parts.partition]).toEqual([null, null, { blocks: 1, stem: 'own' }]);
  });

  it.each([
    ['dataset=svhn', 16, 'svhn-resnet110-k16'],
    ['dataset=stl10', 8, 'stl10-resnet110-k8'],
    ['dataset=imagenet', 4, 'imagenet'],
    ['dataset=cifar100', 32, 'cifar10-resnet110-k55'],
    ['loss.schedule=man-release', 16, 'man-release'],
  ])('weighs the terms of InfoPro with %s in %i blocks by %s', (override, blocks, preset) => {
    const { loss } = assemble(loadTrainConfig([override]).config, PICTURES);
    expect(loss?.describe?.(blocks)).toContain(`schedule ${preset}: `);
  });

  it('names the cuts where they are given', () => {
    const { config } = loadTrainConfig(['partition.blocks=null', 'partition.cuts=[stem]', 'partition.stem=merge']);
    expect(assemble(config, PICTURES).partition).toEqual({ cuts: ['stem'], stem: 'merge' });
  });
});
