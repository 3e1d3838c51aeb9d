import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { useEngine } from './index.ts';

describe('useEngine', () => {
  it('starts plain JavaScript and WebAssembly, and says so', async () => {
    await expect(useEngine('cpu')).resolves.toMatchObject({ name: 'cpu', device: 'cpu' });
    expect(tf.getBackend()).toBe('cpu');
    const wasm = await useEngine('wasm');
    expect(wasm).toMatchObject({ name: 'wasm', message: expect.stringContaining('WebAssembly') });
    expect(tf.getBackend()).toBe('wasm');
  });

  it('takes the fastest that works, and says how to get a faster one', async () => {
    const engine = await useEngine('auto');
    expect(tf.getBackend()).toBe(engine.name);
    expect(engine.message.split('\n')).toHaveLength(1);
    if (engine.name === 'wasm') expect(engine.message).toContain('man-native install');
  });

  it('refuses an engine it does not know', async () => {
    await expect(useEngine('cuda' as 'cpu')).rejects.toMatchObject({ code: 'MAN_OPS_UNKNOWN_ENGINE' });
  });
});
