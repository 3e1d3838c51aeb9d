import { describe, expect, it } from 'vitest';
import { budgetText, type Compared, comparisonReport, comparisonTable } from './comparison.ts';
import { loadCompareConfig, loadTrainConfig } from './configuration.ts';
import { paperError } from './paper.ts';
import { exampleResult } from './testing.ts';

const e2e: Compared = {
  name: 'e2e',
  label: 'end to end',
  overrides: ['loss=e2e'],
  result: exampleResult(),
  problem: null,
  paperError: 6.37,
};
const worse = { ...exampleResult().final, testError: 0.5 };
const local: Compared = {
  name: 'infopro',
  label: 'InfoPro',
  overrides: ['loss=infopro'],
  result: exampleResult({ name: 'infopro', label: 'InfoPro', blocks: 16, peakTensorBytes: 50e6, final: worse }),
  problem: null,
  paperError: null,
};
const failed: Compared = { name: 'man', label: 'MAN', overrides: [], result: null, problem: 'failed', paperError: null };

describe('comparisonTable', () => {
  it('has a row per method, with dashes for what is missing', () => {
    const lines = comparisonTable([e2e, local, failed]).split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[2]).toMatch(/^end to end +1 +40\.00 +50\.00 +200 MB +400 MB +250 +30\.0 s +6\.37$/);
    expect(lines[3]).toMatch(/^InfoPro +16 +50\.00 .* –$/);
    expect(lines[4]).toMatch(/^MAN \(failed\) +– +– /);
  });

  it("leaves the paper's column out where the paper has no number", () => {
    expect(comparisonTable([local])).not.toContain('paper');
  });
});

describe('budgetText', () => {
  const pictures = { train: 2500, test: 1000 };
  it('says how far a reduced budget is from the paper', () => {
    const text = budgetText(loadCompareConfig([]).config, pictures, 'cifar10');
    expect(text).toMatch(/^Reduced budget: 2,500 pictures of CIFAR-10 for 3 epochs in batches of \d+, tested on 1,000\./);
    expect(text).toContain('the order of the methods can differ');
  });

  it('does not call the whole budget reduced', () => {
    const { config } = loadCompareConfig(['experiment=cifar10-resnet32-k16']);
    expect(budgetText(config, { train: 50_000, test: 10_000 }, 'cifar10')).toMatch(/^Budget: .*as in the paper\.$/);
    expect(budgetText(config, { train: 50_000, test: 10_000 }, 'shapes')).toMatch(/^Reduced/);
  });
});

describe('comparisonReport', () => {
  const about = {
    composed: loadCompareConfig([]),
    dataset: 'cifar10',
    data: 'CIFAR-10',
    budget: 'Reduced budget.',
    stopped: false,
    seconds: 300,
  };
  it('says what stands out from what was measured', () => {
    const report = comparisonReport({ ...about, methods: [local, e2e] });
    expect(report.title).toBe('InfoPro and end to end: ResNet-32 on CIFAR-10');
    expect(report.summary).toContain('Lowest test error: e2e, 40.00 %, before InfoPro 50.00 %; guessing would be 90 %.');
    expect(report.summary).toContain('Least memory: InfoPro, 50.0 MB of tensors.');
    expect(report.runs.map(({ name }) => name)).toEqual(['infopro', 'e2e']);
    expect(report.baseline).toBe('e2e');
  });

  it('shows a comparison of which nothing is left', () => {
    const report = comparisonReport({ ...about, methods: [failed], stopped: true });
    expect(report.runs).toEqual([]);
    expect(report.summary).toContain('MAN: no result, failed.');
    expect(report).not.toHaveProperty('baseline');
  });
});

describe('paperError', () => {
  const of = (...overrides: string[]) => paperError(loadTrainConfig(overrides).config, 'cifar10');
  it('is that of the same network, partition and method', () => {
    expect(of()).toBe(9.65);
    expect(of('plugin=none', 'partition.blocks=8')).toBe(11.51);
    expect(of('loss=e2e', 'backbone=resnet110', 'partition.blocks=1')).toBe(5.42);
    expect(of('backbone=resnet56')).toBeNull();
    expect(of('backbone.width=8')).toBeNull();
    expect(paperError(loadTrainConfig([]).config, 'shapes')).toBeNull();
  });
});
