import { expect, it } from 'vitest';
import * as ops from './index.ts';
import { expectStackAgrees } from './testing/stacks.ts';

// Read once, when the kernels are loaded: in a process of its own.
process.env.MAN_INSTRUCTIONS = 'portable';
const engine = await ops.useEngine('tensorflow', { kernels: 'native' }).catch(() => undefined);

it.skipIf(engine === undefined)('kernels for a processor without wide vectors agree with the reference too', async () => {
  expect(engine?.message).toContain('portable');
  for (let seed = 201; seed <= 240; seed++) await expectStackAgrees(seed, 'native');
});
