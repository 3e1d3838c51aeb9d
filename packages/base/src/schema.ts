import type { Format } from './format.ts';
import type { ConfigValue } from './value.ts';

/** What the `format` of a property may be: a {@link Format}, a list of values, or a format of convict, which is then checked strictly. */
export type PropertyFormat =
  | Format<unknown>
  | readonly ConfigValue[]
  | ((value: never) => void)
  | ConvictFormat
  | StringConstructor
  | NumberConstructor
  | BooleanConstructor
  | ObjectConstructor
  | ArrayConstructor;

type ConvictFormat = '*' | 'int' | 'integer' | 'nat' | 'port' | 'String' | 'Number' | 'Boolean' | 'Object' | 'Array';

/** One key of a schema: a convict property. */
export interface Property {
  /** The value when nothing sets the key; null makes the key required, unless null passes. */
  readonly default: ConfigValue;
  /** What values pass; the kind of the default when absent. */
  readonly format?: PropertyFormat;
  /** One sentence for the help. */
  readonly doc?: string;
  /** Whether null passes as well. */
  readonly nullable?: boolean;
}

/** A convict schema: properties, and sections of them. A node is a property exactly when it has a `default`. */
export interface ConfigSchema {
  readonly [key: string]: Property | ConfigSchema;
}

/** The type of the configuration that a schema describes. */
export type ConfigOf<S> = S extends { readonly default: unknown } ? PropertyValue<S> : { readonly [K in keyof S]: ConfigOf<S[K]> };

type PropertyValue<P extends { readonly default: unknown }> =
  | (P extends { readonly format: infer F } ? FormatValue<F, P['default']> : Widened<P['default']>)
  | (P extends { readonly nullable: true } ? null : never);

type FormatValue<F, D> =
  F extends Format<infer T>
    ? T
    : F extends readonly (infer E)[]
      ? E
      : F extends 'int' | 'integer' | 'nat' | 'port' | 'Number' | NumberConstructor
        ? number
        : F extends 'String' | StringConstructor
          ? string
          : F extends 'Boolean' | BooleanConstructor
            ? boolean
            : F extends 'Object' | ObjectConstructor
              ? { readonly [key: string]: ConfigValue }
              : F extends 'Array' | ArrayConstructor
                ? readonly ConfigValue[]
                : Widened<D>;

type Widened<D> = D extends string
  ? string
  : D extends number
    ? number
    : D extends boolean
      ? boolean
      : D extends readonly (infer E)[]
        ? readonly Widened<E>[]
        : ConfigValue;

/**
 * A schema with its exact type, from which {@link ConfigOf} reads the type of the configuration.
 *
 * @example
 * ```ts
 * import { type ConfigOf, defineSchema, positiveNumber, unitInterval } from '@man/base';
 *
 * export const sgdSchema = defineSchema({
 *   lr: { doc: 'Learning rate.', default: 0.1, format: positiveNumber },
 *   momentum: { doc: 'Of the velocity.', default: 0.9, format: unitInterval },
 * });
 * export type SgdOptions = ConfigOf<typeof sgdSchema>; // { readonly lr: number; readonly momentum: number }
 * ```
 */
export function defineSchema<const S extends ConfigSchema>(schema: S): S {
  return schema;
}
