import { planMemory } from '@man/analysis';
import { useEngine } from '@man/ops';
import { describe, expect, it } from 'vitest';
import { large, measure, methods } from './methods.ts';

const { name, kernels } = await useEngine('auto');
const form = kernels === 'reference' ? 'native' : kernels;

describe.runIf(name === 'tensorflow')('planMemory, within 5 % of what is measured', () => {
  const within = (planned: number, measured: number) => expect(Math.abs(planned / measured - 1)).toBeLessThan(0.05);

  it.each(Object.keys(large))('%s', { timeout: 600_000 }, (network) => {
    const [batch, create] = large[network]!;
    const plan = planMemory(create, { batch, kernels: form });
    within(plan.peakTensorBytes, measure(create, batch).peak);
  });

  it.each(Object.keys(methods))('ResNet-32, %s, batch 128', { timeout: 600_000 }, (method) => {
    const create = methods[method]!;
    const plan = planMemory(create, { batch: 128, kernels: form });
    const { peak, blocks } = measure(create, 128);
    within(plan.peakTensorBytes, peak);
    for (const [i, bytes] of blocks.entries()) within(plan.blocks[i]?.peakTensorBytes as number, bytes);
  });
});
