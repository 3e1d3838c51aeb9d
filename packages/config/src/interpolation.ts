/** A piece of a text: literal characters, or what stands in `${…}`. */
export type Piece = { readonly literal: string } | Reference;

/** What stands in `${…}`. */
export interface Reference {
  /** `key`: `${optim.lr}`; `env`: `${env:HOME,default}`; `now`: `${now:%Y}`. */
  readonly kind: 'key' | 'env' | 'now';
  /** Key path, name of the variable, or time format. */
  readonly name: string;
  /** What follows the comma in `${env:NAME,default}`. */
  readonly otherwise?: string;
  readonly text: string;
}

/** Why a text with `${` cannot be read. */
export interface BadInterpolation {
  readonly mistake: string;
}

const escapable = /(\\*)\$\{/g;

/**
 * Cuts a text into literal pieces and references.
 *
 * A backslash before `${` makes it literal; of several backslashes before it each pair stands for one.
 */
export function readInterpolations(text: string): readonly Piece[] | BadInterpolation {
  const pieces: Piece[] = [];
  let at = 0;
  for (escapable.lastIndex = 0; ; ) {
    escapable.lastIndex = at;
    const found = escapable.exec(text);
    if (found === null) break;
    const slashes = found[1]?.length ?? 0;
    const open = found.index + slashes;
    const literal = text.slice(at, found.index) + '\\'.repeat(Math.floor(slashes / 2));
    if (slashes % 2 === 1) {
      pieces.push({ literal: `${literal}\${` });
      at = open + 2;
      continue;
    }
    if (literal !== '') pieces.push({ literal });
    const close = text.indexOf('}', open);
    if (close < 0) return { mistake: `"${text.slice(open)}" is not closed` };
    const reference = readReference(text.slice(open, close + 1));
    if ('mistake' in reference) return reference;
    pieces.push(reference);
    at = close + 1;
  }
  if (at < text.length) pieces.push({ literal: text.slice(at) });
  return pieces;
}

/** A text that {@link readInterpolations} reads back as exactly these literal characters. */
export function escapeInterpolations(text: string): string {
  return text.replace(escapable, (_, slashes: string) => `${slashes}${slashes}\\\${`);
}

function readReference(text: string): Reference | BadInterpolation {
  const inside = text.slice(2, -1).trim();
  if (inside.includes('${')) return { mistake: `"${text}" holds another interpolation; write the inner key out` };
  const colon = inside.indexOf(':');
  if (colon < 0) return keyReference(inside, text);
  // Hydra's name for it, which fingers type.
  const kind = inside
    .slice(0, colon)
    .trim()
    .replace(/^oc\.env$/, 'env');
  const rest = inside.slice(colon + 1);
  if (kind === 'now') return { kind, name: rest, text };
  if (kind !== 'env')
    return {
      mistake: `"${text}" is of unknown kind "${kind}"; known are \${key}, \${env:NAME}, \${env:NAME,default} and \${now:%Y-%m-%d}`,
    };
  const comma = rest.indexOf(',');
  const name = (comma < 0 ? rest : rest.slice(0, comma)).trim();
  if (name === '') return { mistake: `"${text}" names no variable` };
  return comma < 0 ? { kind, name, text } : { kind, name, otherwise: rest.slice(comma + 1).trim(), text };
}

function keyReference(inside: string, text: string): Reference | BadInterpolation {
  const name = inside.replace(/\[(\d+)\]/g, '.$1');
  if (name.startsWith('.')) return { mistake: `"${text}" begins with a dot; keys are written from the top` };
  if (!/^[\p{L}\p{N}_-]+(\.[\p{L}\p{N}_-]+)*$/u.test(name)) return { mistake: `"${text}" is not a key` };
  return { kind: 'key', name, text };
}
