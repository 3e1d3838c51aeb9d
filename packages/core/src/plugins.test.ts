import { describe, expect, it } from 'vitest';
import type { AuxiliaryNetwork, AuxSite, BatchSource, TrainerPlugin } from './contracts.ts';
import { createTrainer } from './index.ts';
import { Plugins } from './plugins.ts';
import { denseBackbone, denseBatch, denseLoss } from './testing.ts';

const source = (batches: number): BatchSource => ({
  examples: 8 * batches,
  batches,
  *epoch(epoch) {
    for (let i = 0; i < batches; i++) yield denseBatch(epoch * 10 + i);
  },
});

const everyHook = (name: string): TrainerPlugin => ({
  name,
  setup: () => {},
  buildAux: (site, build) => build(site),
  afterBackward: () => {},
  afterBlockStep: () => {},
  afterStep: () => {},
  onEpochStart: async () => {},
  onProgress: () => {},
  onEpochEnd: async () => {},
  onError: () => {},
  dispose: () => {},
});

const codeOf = (f: () => unknown) => {
  try {
    f();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'no error';
};

describe('plugin hooks', () => {
  it('fire in exactly this order', async () => {
    const calls: string[] = [];
    const trainer = createTrainer({
      backbone: denseBackbone(),
      partition: { blocks: 2 },
      loss: denseLoss(),
      plugins: [everyHook('p'), [null, false, [everyHook('q')]]],
      readEvery: 1,
      trace: (plugin, hook) => calls.push(`${plugin}.${hook}`),
    });
    await trainer.fit(source(1), { epochs: 2, evaluate: source(1) });
    trainer.dispose();

    const both = (hook: string) => [`p.${hook}`, `q.${hook}`];
    const reversed = (hook: string) => [`q.${hook}`, `p.${hook}`];
    const block = [...reversed('afterBackward'), ...reversed('afterBlockStep')];
    const epoch = [
      ...both('onEpochStart'),
      ...block,
      ...block,
      ...reversed('afterStep'),
      ...reversed('onProgress'),
      ...reversed('onEpochEnd'),
    ];
    // One onion per block: outermost first.
    expect(calls).toEqual([...both('buildAux'), ...both('buildAux'), ...both('setup'), ...epoch, ...epoch, ...reversed('dispose')]);
  });

  it('are not called where nobody implements them', () => {
    const plugins = new Plugins([{ name: 'p' }, everyHook('q')]);
    expect(plugins.has('afterStep')).toBe(true);
    expect(new Plugins([{ name: 'p' }]).has('afterStep')).toBe(false);
  });

  it('tell plugins of an error, and pass it on', async () => {
    const seen: unknown[] = [];
    const failing: TrainerPlugin = {
      name: 'failing',
      afterStep() {
        throw new RangeError('out of reach');
      },
    };
    const trainer = createTrainer({
      backbone: denseBackbone(),
      plugins: [failing, { name: 'witness', onError: (error) => void seen.push(error) }],
    });
    await expect(trainer.fit(source(1), { epochs: 1 })).rejects.toMatchObject({
      code: 'MAN_CORE_HOOK_FAILED',
      message: expect.stringContaining('failing'),
    });
    expect(seen).toMatchObject([{ code: 'MAN_CORE_HOOK_FAILED', cause: { message: 'out of reach' } }]);
    trainer.dispose();
  });

  it('may not be asynchronous within a step', async () => {
    const slow = { name: 'slow', afterStep: async () => {} } as unknown as TrainerPlugin;
    const trainer = createTrainer({ backbone: denseBackbone(), plugins: [slow] });
    await expect(trainer.fit(source(1), { epochs: 1 })).rejects.toMatchObject({ code: 'MAN_CORE_HOOK_ASYNC' });
    trainer.dispose();
  });
});

describe('plugin lists', () => {
  it('refuse typos, duplicates, nameless things and unmet needs', () => {
    expect(codeOf(() => new Plugins([{ name: 'p', afterStpe: () => {} } as unknown as TrainerPlugin]))).toBe('MAN_CORE_PLUGIN');
    expect(() => new Plugins([{ name: 'p', afterStpe: () => {} } as unknown as TrainerPlugin])).toThrow(
      expect.objectContaining({ hint: "did you mean 'afterStep'?" }),
    );
    expect(codeOf(() => new Plugins([{ name: 'p' }, { name: 'p' }]))).toBe('MAN_CORE_PLUGIN');
    expect(codeOf(() => new Plugins([(() => ({ name: 'p' })) as unknown as TrainerPlugin]))).toBe('MAN_CORE_PLUGIN');
    expect(codeOf(() => new Plugins([{ name: 'p', needs: ['q'] }]))).toBe('MAN_CORE_PLUGIN_MISSING');
  });

  it('build onions in which everybody calls build exactly once', () => {
    const aux = {} as AuxiliaryNetwork;
    const site = { block: { index: 0 } } as AuxSite;
    const wrong = (buildAux: NonNullable<TrainerPlugin['buildAux']>) =>
      codeOf(() => new Plugins([{ name: 'p', buildAux }]).buildAux(site, () => aux));
    expect(wrong(() => aux)).toBe('MAN_CORE_BUILD_ONCE');
    expect(
      wrong((own, build) => {
        build(own);
        return build(own);
      }),
    ).toBe('MAN_CORE_BUILD_ONCE');
    expect(wrong((own, build) => build(own))).toBe('no error');
  });
});
