import { formatValue } from '@man/base';

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
