import { badKey } from './errors.ts';

const segment = /^[\p{L}\p{N}_][\p{L}\p{N}_-]*$/u;
const reserved: Readonly<Record<string, string>> = {
  constructor: 'it names the machinery of JavaScript objects',
  prototype: 'it names the machinery of JavaScript objects',
  __proto__: 'it names the machinery of JavaScript objects',
  default: 'convict reads it as a mark of the schema',
  _cvtProperties: 'convict reads it as a mark of the schema',
};

/**
 * Refuses a key that could harm the process or could not be typed as an override.
 *
 * @throws `MAN_CONFIG_KEY`
 */
export function checkKey(place: string, key: string): void {
  const why = Object.hasOwn(reserved, key) ? reserved[key] : undefined;
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
