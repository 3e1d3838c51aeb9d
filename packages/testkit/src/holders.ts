import { createRng, type Rng } from '@man/base';
import type { NamedVariables } from '@man/core';
import * as tf from '@tensorflow/tfjs';
import { demand, demandNoTensors, demandSameValues, valuesByName } from './compare.ts';

/** What has variables: units and auxiliary networks. */
export interface Holder {
  parameters(): NamedVariables;
  buffers(): NamedVariables;
  macs?(): number;
  activations?(): number;
  dispose(): void;
}

/** All variables by name. */
export const variablesOf = (holder: Holder): NamedVariables => ({ ...holder.parameters(), ...holder.buffers() });

/** Runs `f` with something that is disposed of in any case. */
export async function using<T extends { dispose(): void }>(made: T, f: (made: T) => void | Promise<void>): Promise<void> {
  try {
    await f(made);
  } finally {
    made.dispose();
  }
}

/** Dotted names, each variable once, in each call the same; parameters that optimisers of tfjs would find. */
export function checkNames(holder: Holder, where: string): void {
  const [parameters, buffers] = [holder.parameters(), holder.buffers()];
  const names = [...Object.keys(parameters), ...Object.keys(buffers)];
  const bad = names.find((name) => !/^[\w-]+(\.[\w-]+)*$/.test(name));
  demand(bad === undefined, where, 'dotted names such as conv1.weight', `'${bad}'`, 'names are those of checkpoints');
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  demand(twice === undefined, where, 'each name once', `'${twice}' in parameters() and buffers()`, 'give each variable a name of its own');
  const variables = [...Object.values(parameters), ...Object.values(buffers)];
  const other = variables.findIndex((variable) => !(variable instanceof tf.Variable));
  demand(other === -1, `${where}, ${names[other]}`, 'a variable', 'something else', 'make it with createVariable of @man/ops');
  demand(new Set(variables).size === variables.length, where, 'each variable once', 'one under two names', 'list it once');
  const again = [...Object.values(holder.parameters()), ...Object.values(holder.buffers())];
  const isSame = again.length === variables.length && again.every((variable, i) => variable === variables[i]);
  demand(isSame, where, 'the same variables in the same order in every call', 'others', 'make variables once, when it is built');
  const frozen = Object.entries(parameters).find(([, variable]) => !variable.trainable || variable.dtype !== 'float32')?.[0];
  const hint = 'what no gradient trains belongs into buffers()';
  demand(frozen === undefined, where, 'parameters that are trainable float32', `'${frozen}', which is not`, hint);
}

/** Counts, where there are any, are whole numbers from 0. */
export function checkCounts(holder: Holder, where: string): void {
  for (const kind of ['macs', 'activations'] as const) {
    const count = holder[kind]?.() ?? 0;
    const isCount = Number.isInteger(count) && count >= 0;
    demand(isCount, `${where}, ${kind}()`, 'a whole number of at least 0', `${count}`, 'count for one example');
  }
}

/** One seed gives the same values, whatever was built before; nothing is drawn from the stream itself. */
export function checkSeed(create: (rng: Rng) => Holder, where: string): void {
  const valuesFor = (rng: Rng) => {
    const made = create(rng);
    const values = valuesByName(variablesOf(made));
    made.dispose();
    return values;
  };
  const [first, second] = [createRng(5), createRng(5)];
  const values = valuesFor(first);
  demandSameValues(
    valuesFor(second),
    values,
    `${where}, built again from an equal seed`,
    'draw from the rng it is given, never Math.random',
  );
  const isUntouched = JSON.stringify(first.state()) === JSON.stringify(createRng(5).state());
  const hint = "draw each parameter from rng.split('its name'): a parameter more then changes no other";
  demand(isUntouched, `${where}, random numbers`, 'draws from streams split off by name', 'draws from the stream itself', hint);
}

/** dispose() frees what was made. */
export async function checkDisposal(create: (rng: Rng) => Holder, where: string): Promise<void> {
  await demandNoTensors(`${where}, dispose()`, 'dispose of every variable it made', () => create(createRng(5)).dispose());
}
