import { defineSchema, format, listOf, text } from '@man/config';

/** One run of a comparison. */
export interface Method {
  readonly name: string;
  readonly label: string;
  /** What makes it differ from the others. */
  readonly overrides: readonly string[];
}

const NAME = /^[a-z0-9][a-z0-9._-]*$/i;

function isMethod(value: unknown): value is Method {
  if (typeof value !== 'object' || value === null) return false;
  const { name, label, overrides, ...rest } = value as Record<string, unknown>;
  return (
    Object.keys(rest).length === 0 &&
    typeof name === 'string' &&
    NAME.test(name) &&
    typeof label === 'string' &&
    Array.isArray(overrides) &&
    overrides.every((override) => typeof override === 'string')
  );
}

const methods = format<readonly Method[]>(
  'a list of {name, label, overrides} with different names',
  (value) =>
    Array.isArray(value) && value.length > 0 && value.every(isMethod) && new Set(value.map(({ name }) => name)).size === value.length,
);

/** What `compare` adds. */
export const compareSchema = defineSchema({
  compare: {
    budget: { doc: 'How long it takes, in words.', default: null, format: text, nullable: true },
    methods: { doc: 'The runs: name, label, and the overrides that make each differ.', default: [], format: methods },
    only: { doc: 'Names of the methods to run; null runs all.', default: null, format: listOf(text), nullable: true },
  },
});
