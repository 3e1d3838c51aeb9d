import { type ConfigSchema, type OneOf, oneOf } from '@man/config';

/** A schema with the key by which a section names what it configures. */
export type Typed<T extends string, S extends ConfigSchema> = {
  readonly type: { readonly doc: string; readonly default: T; readonly format: OneOf<T> };
} & S;

/** The schema of a factory's options, and before them the `type` that names the factory. */
export function typed<const T extends string, S extends ConfigSchema>(type: T, doc: string, schema: S): Typed<T, S> {
  return { type: { doc, default: type, format: oneOf(type) }, ...schema };
}
