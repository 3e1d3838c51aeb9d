import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bytesOf, planCommand } from './plan-command.ts';

let printed = '';
beforeEach(() => {
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

const options = { json: false, memory: null, kernels: 'native', classes: null };

describe('man-reproduce plan', () => {
  it('prints a table of blocks', () => {
    expect(planCommand(['backbone=resnet32', 'dataset=cifar10', 'train.batch=1024'], options)).toBe(0);
    expect(printed).toMatch(/^ResNet-32, InfoPro \+ MAN, batch 1024\n/);
    expect(printed).toMatch(/^ *16 +stage3\.unit4 +\d+ MB/m);
    expect(printed).toMatch(/not covered: the idle program/);
  });

  it('tells what fits, as JSON too', () => {
    planCommand(['backbone=resnet32', 'dataset=cifar10', 'train.batch=1024'], { ...options, json: true, memory: '1GB' });
    const { plan, fit } = JSON.parse(printed) as {
      plan: { batch: number; blocks: unknown[]; processBytes: number };
      fit: { bytes: number; largestBatch: number; fewestBlocks: number };
    };
    expect(plan.blocks).toHaveLength(16);
    expect(fit.bytes).toBe(1e9);
    expect(fit.largestBatch > 1024).toBe(plan.processBytes < 1e9);
    expect(fit.fewestBlocks).toBeGreaterThan(1);
    printed = '';
    planCommand(['backbone=resnet32', 'loss=e2e', 'dataset=cifar10', 'train.batch=1024'], { ...options, memory: '1GB' });
    expect(printed).toMatch(/with 1 block, batch \d+ is the largest that fits in 1\.00 GB\nbatch 1024 fits in 1\.00 GB with none/);
  });

  it('plans ImageNet, whose pictures are not here', () => {
    planCommand(['backbone=resnet101', 'dataset=imagenet', 'loss=e2e', 'train.batch=128'], {
      ...options,
      kernels: 'tensorflow',
      json: true,
    });
    const { plan } = JSON.parse(printed) as { plan: { peakTensorBytes: number } };
    // Bytes that the way back keeps are 127 MB a picture in PyTorch: methods of counting differ, orders of magnitude must not.
    expect(plan.peakTensorBytes / 128 / 127.1e6).toBeGreaterThan(1);
    expect(plan.peakTensorBytes / 128 / 127.1e6).toBeLessThan(5);
  });

  it('takes another number of classes', () => {
    const held = (classes: string | null) => {
      printed = '';
      planCommand(['backbone=resnet50', 'dataset=imagenet', 'loss=e2e', 'train.batch=4'], { ...options, classes, json: true });
      return (JSON.parse(printed) as { plan: { heldBytes: number } }).plan.heldBytes;
    };
    // Weights of the last layer and their momentum, 990 classes of 2,048 features and a bias.
    expect(held(null) - held('10')).toBe(2 * 4 * 990 * 2049);
    expect(() => held('1')).toThrow(/--classes/);
  });

  it('reads sizes, and refuses what is none', () => {
    expect([bytesOf('16GB'), bytesOf('1.5 MiB'), bytesOf('800kB')]).toEqual([16e9, 1.5 * 2 ** 20, 800e3]);
    for (const size of ['16', '0GB', 'GB', '-1GB', '1TB', '1e3GB']) expect(() => bytesOf(size)).toThrow(/such as 16GB/);
    expect(() => planCommand([], { ...options, kernels: 'cuda' })).toThrow(/native or tensorflow/);
  });
});
