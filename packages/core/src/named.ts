import type { NamedVariables } from './contracts.ts';

/**
 * Joins records of variables under dotted names: `prefixed({ conv1: { weight } })` is `{ 'conv1.weight': weight }`.
 *
 * @example
 * ```ts
 * parameters: () => prefixed({ conv: conv.parameters(), bn: bn.parameters() })
 * ```
 */
export function prefixed(parts: Readonly<Record<string, NamedVariables>>): NamedVariables {
  return Object.fromEntries(
    Object.entries(parts).flatMap(([prefix, variables]) =>
      Object.entries(variables).map(([name, variable]) => [`${prefix}.${name}`, variable]),
    ),
  );
}

/** Number of values in all variables of a record. */
export function countValues(variables: NamedVariables): number {
  return Object.values(variables).reduce((sum, variable) => sum + variable.size, 0);
}
