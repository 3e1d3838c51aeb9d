import { badKey } from './errors.ts';

const segment = /^[\p{L}\p{N}_][\p{L}\p{N}_-]*$/u;
const machinery = 'it names the machinery of JavaScript objects';
const mark = 'convict reads it as a mark of the schema';
const reserved: ReadonlyMap<string, string> = new Map([
  ['__proto__', machinery],
  ['constructor', machinery],
  ['prototype', machinery],
  ['default', mark],
  ['_cvtProperties', mark],
]);

/**
 * Refuses a key that could harm the process or could not be typed as an override.
 *
 * @throws `MAN_CONFIG_KEY`
 */
export function checkKey(place: string, key: string): void {
  const why = reserved.get(key);
  if (why !== undefined) throw badKey(place, key, why, 'choose another name');
  if (key.length > 200 || !segment.test(key)) {
    throw badKey(
      place,
      key.slice(0, 200),
      'it is not a plain name',
      'keys are letters, digits, "_" and "-", so that a.b.c can be typed as an override; write a.b as two nested maps',
    );
  }
}
