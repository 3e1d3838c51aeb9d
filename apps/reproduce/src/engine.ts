import { type Engine, useEngine } from '@man/ops';
import type { TrainConfig } from './schema/index.ts';

/**
 * Starts the engine of a configuration.
 *
 * @throws MAN_OPS_ENGINE_UNAVAILABLE
 */
export async function startEngine({ engine, threads }: Pick<TrainConfig, 'engine' | 'threads'>): Promise<Engine> {
  // TensorFlow reads it once, when its library is loaded.
  if (threads !== null) process.env.TF_NUM_INTRAOP_THREADS = String(threads);
  return useEngine(engine);
}

/** What an engine says of itself, behind the word "engine". */
export function engineText({ message }: Pick<Engine, 'message'>): string {
  return message.replace(/^engine: /, '');
}
