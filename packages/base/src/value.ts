/** What a configuration leaf can hold, lists of it, and maps of it: what YAML and the override grammar can say. */
export type ConfigValue = null | boolean | number | string | readonly ConfigValue[] | { readonly [key: string]: ConfigValue };

/** A value as the override grammar reads it back: `lr=0.1`, `name='a,b'`, `list=[1,2]`. */
export function formatValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatValue).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, inner]) => `${key}: ${formatValue(inner)}`);
    return `{${entries.join(', ')}}`;
  }
  if (typeof value === 'number') return formatNumber(value);
  return typeof value === 'string' ? formatText(value) : String(value);
}

function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  // As digits it would be a whole number that is refused because digits can be lost; it is exact as it is.
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : String(value);
}

const plainText = /^[\p{L}_/.][\p{L}\p{N}_/.:@%+-]*$/u;
const otherMeaning = /^(null|true|false|[.]?inf|[.]?nan|[.]\d.*)$/i;

/** A text in quotes whenever it would otherwise be read as something else. */
function formatText(value: string): string {
  if (plainText.test(value) && !otherMeaning.test(value)) return value;
  return `'${value
    .replace(/[\\']/g, (found) => `\\${found}`)
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(/\t/g, '\\t')}'`;
}
