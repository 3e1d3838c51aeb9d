const two = (value: number): string => String(value).padStart(2, '0');
const three = (value: number): string => String(value).padStart(3, '0');

/** The directives of `${now:…}`, all in local time. */
const directives: Readonly<Record<string, (at: Date) => string>> = {
  Y: (at) => String(at.getFullYear()).padStart(4, '0'),
  y: (at) => two(at.getFullYear() % 100),
  m: (at) => two(at.getMonth() + 1),
  d: (at) => two(at.getDate()),
  H: (at) => two(at.getHours()),
  M: (at) => two(at.getMinutes()),
  S: (at) => two(at.getSeconds()),
  f: (at) => `${three(at.getMilliseconds())}000`,
  j: (at) =>
    three(Math.round((Date.UTC(at.getFullYear(), at.getMonth(), at.getDate()) - Date.UTC(at.getFullYear(), 0, 1)) / 86_400_000) + 1),
  s: (at) => String(Math.floor(at.getTime() / 1000)),
  F: (at) => formatTime('%Y-%m-%d', at),
  T: (at) => formatTime('%H:%M:%S', at),
  '%': () => '%',
};

/** What `${now:…}` understands, for messages. */
export const timeDirectives = Object.keys(directives).map((letter) => `%${letter}`);

/** The first directive of a strftime format that is not known; undefined when all are. */
export function unknownDirective(format: string): string | undefined {
  return [...format.matchAll(/%(.?)/gsu)].find(([, letter]) => !Object.hasOwn(directives, letter ?? ''))?.[0];
}

/** A moment in a strftime format of known directives, in local time. */
export function formatTime(format: string, at: Date): string {
  return format.replace(
    /%(.)/gsu,
    (whole, letter: string) => (Object.hasOwn(directives, letter) ? directives[letter]?.(at) : undefined) ?? whole,
  );
}
