import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import type { AuxiliaryNetwork, AuxSite, BatchSource, TrainerPlugin } from './contracts.ts';
import { constant, createTrainer, disposeBatch, sgd } from './index.ts';
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
  onEvaluateStart: async () => {},
  onEvaluateEnd: () => {},
  onEpochEnd: async () => {},
  onSavePoint: () => {},
  onFitEnd: () => {},
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
      ...both('onEvaluateStart'),
      ...reversed('onEvaluateEnd'),
      ...reversed('onEpochEnd'),
      ...reversed('onSavePoint'),
    ];
    // One onion per block: outermost first.
    expect(calls).toEqual([
      ...both('buildAux'),
      ...both('buildAux'),
      ...both('setup'),
      ...epoch,
      ...epoch,
      ...reversed('onFitEnd'),
      ...reversed('dispose'),
    ]);
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

describe('afterBackward', () => {
  const scaled = (name: string, factor: number): TrainerPlugin => ({
    name,
    afterBackward: ({ gradients }) => gradients.map((gradient) => gradient && tf.mul(gradient, factor)),
  });
  const trained = (plugins: TrainerPlugin[], momentum = 0) => {
    const optimizer = sgd({ momentum, nesterov: false, weightDecay: 0 });
    const trainer = createTrainer({ backbone: denseBackbone(), optimizer, schedule: constant(0.1), plugins });
    const [batch, weight] = [denseBatch(), () => [...trainer.variables()['a.weight']!.dataSync()]];
    const before = weight();
    trainer.step(batch);
    const moved = weight().map((value, i) => value - before[i]!);
    trainer.dispose();
    disposeBatch(batch);
    return moved;
  };

  it('may return other gradients, for the plugins behind and the optimiser, and keeps no tensors', () => {
    const tensors = tf.memory().numTensors;
    const plain = trained([]);
    const thrice = trained([scaled('three', 3)]);
    const none = trained([scaled('nothing', 0), scaled('three', 3)]);
    expect(Math.max(...plain.map(Math.abs))).toBeGreaterThan(1e-4);
    thrice.forEach((value, i) => {
      expect(value).toBeCloseTo(3 * plain[i]!, 6);
    });
    expect(none.every((value) => value === 0)).toBe(true);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it('may leave a variable out by null, and pass on the gradients that it was given', () => {
    const tensors = tf.memory().numTensors;
    const kept = trained([{ name: 'bias-only', afterBackward: ({ gradients }) => gradients.map((g) => (g?.rank === 1 ? g : null)) }]);
    expect(kept.every((value) => value === 0)).toBe(true);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it('must return as many as there are variables', () => {
    expect(codeOf(() => trained([{ name: 'short', afterBackward: () => [null] }]))).toBe('MAN_CORE_GRADIENTS');
  });
});

describe('run.stop()', () => {
  const stopAt = (hook: 'afterStep' | 'onEpochEnd', epoch: number): TrainerPlugin => {
    let stop = () => {};
    return {
      name: 'stopper',
      setup: (run) => {
        stop = run.stop;
      },
      [hook]: (event: { readonly epoch: number }) => {
        if (event.epoch === epoch) stop();
      },
    };
  };

  it('from the end of an epoch ends fit before the next one, which a later fit trains', async () => {
    const trainer = createTrainer({ backbone: denseBackbone(), plugins: [stopAt('onEpochEnd', 2)] });
    const report = await trainer.fit(source(2), { epochs: 9, evaluate: source(1) });
    expect(report).toMatchObject({ stoppedBy: 'stopper', interrupted: false, epochs: [{ epoch: 1 }, { epoch: 2 }] });
    expect(report.epochs[1]!.evaluation).not.toBeNull();
    expect(await trainer.fit(source(2), { epochs: 3 })).toMatchObject({ stoppedBy: null, epochs: [{ epoch: 3 }] });
    trainer.dispose();
  });

  it('from a step ends fit behind it, with the epoch unfinished', async () => {
    const trainer = createTrainer({ backbone: denseBackbone(), plugins: [stopAt('afterStep', 2)] });
    expect(await trainer.fit(source(2), { epochs: 9 })).toMatchObject({ stoppedBy: 'stopper', epochs: [{ epoch: 1 }] });
    expect([trainer.steps, trainer.epoch]).toEqual([3, 1]);
    trainer.dispose();
  });
});

describe('hooks of evaluation', () => {
  it('stand around every evaluation, also one that fails', async () => {
    const seen: unknown[] = [];
    const plugin: TrainerPlugin = {
      name: 'p',
      onEvaluateStart: ({ batches }) => void seen.push(batches),
      onEvaluateEnd: (evaluation) => void seen.push(evaluation?.examples ?? null),
    };
    const trainer = createTrainer({ backbone: denseBackbone(), plugins: [plugin] });
    await trainer.evaluate(source(2));
    await expect(trainer.evaluate({ examples: 0, batches: 0, epoch: () => [] })).rejects.toMatchObject({ code: 'MAN_CORE_NO_DATA' });
    expect(seen).toEqual([2, 16, 0, null]);
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
    const aux = { dispose: () => {} } as AuxiliaryNetwork;
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
