/** What a configuration leaf can hold, lists of it, and maps of it: what YAML and the override grammar can say. */
export type ConfigValue = null | boolean | number | string | readonly ConfigValue[] | { readonly [key: string]: ConfigValue };

/** Whether `value` is a map: neither a list nor null. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One text per value: equal values give equal texts, whatever the order of their keys. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (isMap(value)) {
    const keys = Object.keys(value).sort();
    return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
  }
  // JSON has no words for inf and nan; the number -0 is 0.
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : (JSON.stringify(value) ?? 'undefined');
}

/** A value as the override grammar reads it back: `lr=0.1`, `name='a,b'`, `list=[1,2]`. */
export function formatValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatValue).join(',')}]`;
  if (isMap(value)) {
    return `{${Object.entries(value)
      .map(([key, inner]) => `${key}: ${formatValue(inner)}`)
      .join(', ')}}`;
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

/** A value with its kind, shortened, for a message: `"12abc" (text)`, `3 (number)`, `null`. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return `${JSON.stringify(shorten(value))} (text)`;
  if (Array.isArray(value)) return `${shorten(formatValue(value))} (list)`;
  if (isMap(value)) return `${shorten(formatValue(value))} (map)`;
  return `${formatValue(value)} (${typeof value === 'boolean' ? 'truth value' : typeof value})`;
}

/** At most 80 characters of a text. */
export function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
