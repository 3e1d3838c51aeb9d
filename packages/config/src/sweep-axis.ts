import { formatValue } from '@man/base';
import { badSweep, tooBig } from './errors.ts';
import { limits } from './limits.ts';
import { near } from './near.ts';

/** What an axis can be: texts to choose from, or an interval of numbers. */
export type AxisValues =
  | { readonly kind: 'choice'; readonly texts: readonly string[] }
  | { readonly kind: 'interval'; readonly low: number; readonly high: number; readonly scale: 'linear' | 'log' | 'int' };

/**
 * The values of an axis; null when the text is one value.
 *
 * @param text the whole override, for messages; its value begins at `from`
 * @param options of the group that the key names; undefined for a key that is no group
 * @throws `MAN_CONFIG_SWEEP`
 */
export function readAxis(text: string, from: number, options: readonly string[] | undefined): AxisValues | null {
  const word = text.slice(from).trim();
  const call = /^([A-Za-z_]\w*)\(([\s\S]*)\)$/.exec(word);
  const parts = split(word);
  if (parts.length > 1) return choice(text, parts);
  if (call === null) return null;
  const [, name, inner] = call as unknown as [string, string, string];
  const args = inner.trim() === '' ? [] : split(inner);
  if (name === 'choice') return choice(text, args);
  if (name === 'range') return range(text, args);
  if (name === 'interval') return interval(text, args);
  if (name === 'glob') return glob(text, args, options);
  const meant = near(name, FUNCTIONS)[0];
  throw badSweep(
    text,
    `there is no function "${name}"; there are: ${FUNCTIONS.join(', ')}`,
    `${meant === undefined ? '' : `did you mean "${meant}"? `}for a text with brackets quote it: key='name(…)'`,
  );
}

const FUNCTIONS = ['choice', 'range', 'interval', 'glob'];

/** Cuts at commas that are outside quotes, brackets and interpolations. */
function split(word: string): string[] {
  const parts = [''];
  let depth = 0;
  let quote = '';
  for (let i = 0; i < word.length; i++) {
    const next = word[i] as string;
    if (quote !== '' && next === '\\') {
      parts[parts.length - 1] += next + (word[++i] ?? '');
      continue;
    }
    if (quote !== '') quote = next === quote ? '' : quote;
    else if (next === '"' || next === "'") quote = next;
    else if ('([{'.includes(next)) depth++;
    else if (')]}'.includes(next)) depth--;
    if (next === ',' && depth === 0 && quote === '') parts.push('');
    else parts[parts.length - 1] += next;
  }
  return parts.map((part) => part.trim());
}

function choice(text: string, texts: readonly string[]): AxisValues {
  if (texts.length === 0) throw badSweep(text, 'there is nothing to choose from', 'type key=choice(a,b)');
  if (texts.includes('')) throw badSweep(text, 'a value is missing at a comma', "take the comma out; the empty text is written ''");
  const twice = texts.find((value, i) => texts.indexOf(value) !== i);
  if (twice !== undefined) throw badSweep(text, `the value ${twice} comes twice`, 'keep one of them: equal runs give equal results');
  if (texts.length > limits.jobs) throw tooBig(`"${text.slice(0, 40)}…"`, `${texts.length} values`, limits.jobs);
  return { kind: 'choice', texts };
}

const RANGE = 'type key=range(stop), key=range(start,stop) or key=range(start,stop,step); stop is left out';

function range(text: string, args: readonly string[]): AxisValues {
  if (args.length < 1 || args.length > 3) throw badSweep(text, `range takes 1 to 3 numbers, got ${args.length}`, RANGE);
  const numbers = args.map((arg) => number(text, arg, RANGE));
  const [start, stop, step = 1] = numbers.length === 1 ? [0, numbers[0] as number] : (numbers as [number, number, number?]);
  const count = Math.ceil((stop - start) / step - 1e-9);
  if (step === 0 || count < 1) throw badSweep(text, `no number lies between ${start} and ${stop} in steps of ${step}`, RANGE);
  if (count > limits.jobs) throw tooBig(`"${text}"`, `${count} values`, limits.jobs);
  // From the start each time, and rounded: 0.1 + 0.1 + 0.1 is not 0.3.
  const values = Array.from({ length: count }, (_, i) => Number((start + i * step).toPrecision(14)));
  return { kind: 'choice', texts: values.map(formatValue) };
}

const INTERVAL = 'type key=interval(low,high), key=interval(low,high,log) or key=interval(low,high,int)';

function interval(text: string, args: readonly string[]): AxisValues {
  const [first, second, scale = 'linear', ...more] = args;
  if (first === undefined || second === undefined || more.length > 0)
    throw badSweep(text, 'an interval has two ends, and a scale at most', INTERVAL);
  if (scale !== 'linear' && scale !== 'log' && scale !== 'int') throw badSweep(text, `there is no scale "${scale}"`, INTERVAL);
  const [low, high] = [number(text, first, INTERVAL), number(text, second, INTERVAL)];
  if (!(low < high)) throw badSweep(text, `expected the lower end first, got ${low} and ${high}`, INTERVAL);
  if (scale === 'log' && low <= 0) throw badSweep(text, `a logarithmic scale needs ends above 0, got ${low}`, INTERVAL);
  if (scale === 'int' && !(Number.isSafeInteger(low) && Number.isSafeInteger(high)))
    throw badSweep(text, `expected whole numbers as ends, got ${low} and ${high}`, INTERVAL);
  return { kind: 'interval', low, high, scale };
}

function number(text: string, word: string, hint: string): number {
  const value = /^[+-]?[\d._]+(e[+-]?\d+)?$/i.test(word) ? Number(word.replaceAll('_', '')) : Number.NaN;
  if (!Number.isFinite(value)) throw badSweep(text, `expected a number, got ${JSON.stringify(word)}`, hint);
  return value;
}

function glob(text: string, args: readonly string[], options: readonly string[] | undefined): AxisValues {
  if (options === undefined) throw badSweep(text, 'glob chooses options of a group, and this key is none', 'list the values: key=a,b');
  const excludes = args.filter((arg) => /^exclude\s*=/.test(arg)).map((arg) => arg.slice(arg.indexOf('=') + 1).trim());
  const includes = args.filter((arg) => !/^exclude\s*=/.test(arg));
  if (includes.length === 0) throw badSweep(text, 'expected a pattern', 'type group=glob(*), or group=glob(a*,b*,exclude=c*)');
  const matches = (patterns: readonly string[], option: string) => patterns.some((pattern) => patternOf(pattern).test(option));
  const texts = options.filter((option) => matches(includes, option) && !matches(excludes, option));
  if (texts.length === 0) throw badSweep(text, `no option matches; options are: ${options.join(', ')}`, 'change the pattern');
  return { kind: 'choice', texts };
}

/** `*` stands for any characters, `?` for one; adjacent stars are one, so that no pattern can take long. */
function patternOf(pattern: string): RegExp {
  const source = pattern
    .replace(/\*+/g, '*')
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 'u');
}
