import type { ConfigValue } from '@man/base';
import { badOverride } from './errors.ts';
import { checkKey } from './key.ts';
import { limits } from './limits.ts';

const integer = /^[+-]?(0|[1-9][0-9]*(_[0-9]+)*)$/;
const float = /^[+-]?(([0-9]+(_[0-9]+)*)?\.[0-9]+|[0-9]+(_[0-9]+)*\.|[0-9]+(_[0-9]+)*(?=e))(e[+-]?[0-9]+)?$/i;
const special = /^([+-]?)\.?(inf|nan)$/i;

/**
 * Reads the value of an override, from `from` to the end of `text`.
 *
 * @throws `MAN_CONFIG_OVERRIDE` with the column of the mistake
 */
export function readValue(text: string, from: number): ConfigValue {
  const reader = new ValueReader(text, from);
  const value = reader.value('', 0);
  reader.end();
  return value;
}

/** A word without quotes as null, truth value, number or text; `fail` is told about numbers that cannot be held exactly. */
export function readWord(word: string, fail: (what: string) => never): null | boolean | number | string {
  const lower = word.toLowerCase();
  if (lower === 'null') return null;
  if (lower === 'true' || lower === 'false') return lower === 'true';
  if (integer.test(word)) {
    const value = Number(word.replaceAll('_', ''));
    return Number.isSafeInteger(value) ? value + 0 : fail('this whole number is beyond ±9007199254740991 and would be rounded');
  }
  if (float.test(word)) {
    const value = Number(word.replaceAll('_', ''));
    return Number.isFinite(value) ? value : fail('this number is too large for a double');
  }
  const found = special.exec(lower);
  if (found === null) return word;
  if (found[2] === 'nan') return Number.NaN;
  return found[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

class ValueReader {
  private readonly text: string;
  private at: number;
  constructor(text: string, from: number) {
    this.text = text;
    this.at = from;
  }

  /** One value; a bare word ends before any of `stops`. */
  value(stops: string, depth: number): ConfigValue {
    if (depth > limits.depth) this.fail(`nested more than ${limits.depth} deep`, 'put values this deep into a YAML file, flatter');
    this.space();
    const first = this.text[this.at];
    if (first === '"' || first === "'") return this.quoted(first);
    if (first === '[') return this.list(depth);
    if (first === '{') return this.map(depth);
    return this.bare(stops);
  }

  end(): void {
    this.space();
    const rest = this.text[this.at];
    if (rest === undefined) return;
    if (rest === ',')
      this.fail('a comma ends the value', "for a list type key=[a,b], for a text with a comma key='a,b'; several runs need -m");
    this.fail(`expected the end, got "${rest}"`, "quote the whole text: key='…'");
  }

  private list(depth: number): ConfigValue[] {
    const items: ConfigValue[] = [];
    this.at++;
    for (this.space(); this.text[this.at] !== ']'; this.space()) {
      if (items.length > 0) this.expect(',', ']');
      items.push(this.value(',]', depth + 1));
    }
    this.at++;
    return items;
  }

  private map(depth: number): Record<string, ConfigValue> {
    const map: Record<string, ConfigValue> = {};
    this.at++;
    for (let first = true; this.peek() !== '}'; first = false) {
      if (!first) this.expect(',', '}');
      const key = this.key();
      if (Object.hasOwn(map, key)) this.fail(`the key "${key}" comes twice`, 'keep one of them');
      this.space();
      this.expect(':', ':');
      map[key] = this.value(',}', depth + 1);
    }
    this.at++;
    return map;
  }

  private key(): string {
    this.space();
    const quote = this.text[this.at];
    if (quote === '"' || quote === "'") {
      const key = this.quoted(quote);
      checkKey(`override "${this.text}"`, key);
      return key;
    }
    const start = this.at;
    while (this.at < this.text.length && !':,{}[]'.includes(this.text[this.at] as string)) this.at++;
    const key = this.text.slice(start, this.at).trim();
    if (key === '') this.fail('expected a key', 'a map is written {key: value, other: value}');
    checkKey(`override "${this.text}"`, key);
    return key;
  }

  private quoted(quote: string): string {
    const start = this.at++;
    let value = '';
    for (;;) {
      const next = this.text[this.at++];
      if (next === undefined) {
        this.at = start;
        this.fail(`the quote ${quote} is not closed`, `close it with another ${quote}`);
      }
      if (next === quote) return value;
      value += next === '\\' ? this.escape() : next;
    }
  }

  /** What stands after a backslash; `\$` is left for the interpolation, which reads it. */
  private escape(): string {
    const next = this.text[this.at++];
    const plain = { '\\': '\\', "'": "'", '"': '"', n: '\n', r: '\r', t: '\t', $: '\\$' }[next ?? ''];
    if (plain !== undefined) return plain;
    const hex = /^[0-9a-f]{4}/i.exec(this.text.slice(this.at));
    if (next !== 'u' || hex === null) {
      this.at -= 2;
      this.fail('an unknown escape', 'in quotes a backslash is written \\\\; known are \\\\ \\\' \\" \\n \\r \\t \\$ \\u0041');
    }
    this.at += 4;
    return String.fromCharCode(Number.parseInt(hex[0], 16));
  }

  private bare(stops: string): ConfigValue {
    const start = this.at;
    for (; this.at < this.text.length; this.at++) {
      const next = this.text[this.at] as string;
      if (stops.includes(next)) break;
      if (next === '$' && this.text[this.at + 1] === '{') this.interpolation();
      else if (`,{}[]'"`.includes(next)) {
        if (next === ',') break;
        this.fail(`"${next}" inside a text without quotes`, "quote the whole text: key='…'");
      }
    }
    const word = this.text.slice(start, this.at).trim();
    if (word === '' && stops !== '') this.fail('a value is missing', "the empty text is written ''");
    if (/^\w+\(/.test(word)) {
      this.at = start;
      this.fail('name(…) is kept for sweeps', "quote the whole text: key='…'; several runs need -m");
    }
    return readWord(word, (what) => {
      this.at = start;
      return this.fail(what, "quote it if it is a text: key='…'");
    });
  }

  /** Moves to the closing brace of `${…}`, whose inside belongs to the interpolation grammar. */
  private interpolation(): void {
    const close = this.text.indexOf('}', this.at);
    if (close < 0) this.fail('the interpolation ${ is not closed', 'close it with }, or write \\${ in quotes for the text itself');
    this.at = close;
  }

  private expect(wanted: string, or: string): void {
    const got = this.text[this.at];
    if (got === wanted) {
      this.at++;
      return;
    }
    const names = wanted === or ? `"${wanted}"` : `"${wanted}" or "${or}"`;
    this.fail(`expected ${names}, got ${got === undefined ? 'the end' : `"${got}"`}`, 'close what is open, and quote texts');
  }

  private peek(): string | undefined {
    this.space();
    return this.text[this.at];
  }

  private space(): void {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++;
  }

  private fail(what: string, hint: string): never {
    throw badOverride(this.text, Math.min(this.at, this.text.length) + 1, what, hint);
  }
}
