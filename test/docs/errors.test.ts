import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rooms, root, shippedFiles, short } from '../workspace.ts';

const PAGE = join(root, 'docs/errors.md');

/** Codes in the code: where each `code: '…'` of the rooms' errors.ts stands. */
const defined = rooms.flatMap((room) => {
  const file = join(room.folder, 'src/errors.ts');
  if (!existsSync(file)) return [];
  return [...readFileSync(file, 'utf8').matchAll(/\bcode:\s*(.)(MAN_[A-Z0-9_]*)?/g)].map(([text, quote, code]) => ({
    file,
    room,
    text,
    quote,
    code,
  }));
});
const codes = new Set(defined.flatMap(({ code }) => code ?? []));

/** The rows `| code | meaning | remedy |` of the page. */
const rows = (existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '')
  .split('\n')
  .filter((line) => /^\|\s*`?MAN_/.test(line))
  .map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
const listed = rows.map(([code]) => code!.replaceAll('`', ''));

const twice = (names: readonly string[]) => [...new Set(names.filter((name, i) => names.indexOf(name) !== i))];

describe('docs/errors.md', () => {
  it('lists every code of the sources', () => {
    expect(codes.size).toBeGreaterThan(50);
    expect([...codes].filter((code) => !listed.includes(code)).sort()).toEqual([]);
  });

  it('lists nothing else', () => {
    expect(listed.filter((code) => !codes.has(code)).sort()).toEqual([]);
  });

  it('lists no code twice', () => {
    expect(twice(listed)).toEqual([]);
  });

  it('tells a meaning and a remedy for each', () => {
    expect(rows.filter((cells) => cells.length !== 3 || cells.some((cell) => cell.length < 3)).map(([code]) => code)).toEqual([]);
  });
});

describe('codes in the sources', () => {
  it('are plain string literals', () => {
    expect(
      defined.filter(({ quote, code }) => quote !== "'" || code === undefined).map(({ file, text }) => `${short(file)}: ${text}`),
    ).toEqual([]);
  });

  it('belong to one room each', () => {
    const perRoom = new Set(defined.map(({ room, code }) => `${code} ${room.name}`));
    expect(twice([...perRoom].map((pair) => pair.split(' ')[0] as string))).toEqual([]);
  });

  it('are all that sources and pages speak of, besides variables of the environment', () => {
    const sources = rooms.flatMap((room) => shippedFiles(room)).map((file) => [file, readFileSync(file, 'utf8')] as const);
    const read = (text: string) => [...text.matchAll(/\.(MAN_[A-Z0-9_]+)/g)].map(([, name]) => name as string);
    const native = readdirSync(join(root, 'packages/native/kernels')).map((name) =>
      readFileSync(join(root, 'packages/native/kernels', name), 'utf8'),
    );
    const readNatively = native.flatMap((text) => [...text.matchAll(/getenv\("(MAN_[A-Z0-9_]+)"\)/g)].map(([, name]) => name as string));
    const variables = new Set([...sources.flatMap(([, text]) => read(text)), ...readNatively]);
    const pages = [...rooms.map((room) => join(room.folder, 'README.md')), join(root, 'README.md')].filter((file) => existsSync(file));
    if (existsSync(join(root, 'docs')))
      pages.push(
        ...readdirSync(join(root, 'docs'))
          .filter((n) => n.endsWith('.md'))
          .map((n) => join(root, 'docs', n)),
      );
    const texts = [...sources, ...pages.map((file) => [file, readFileSync(file, 'utf8')] as const)];
    const unknown = texts.flatMap(([file, text]) =>
      [...text.matchAll(/(?<![A-Z0-9_])MAN_[A-Z0-9_]*[A-Z0-9](?![A-Z0-9_*])/g)]
        .map(([word]) => word)
        .filter((word) => !codes.has(word) && !variables.has(word))
        .map((word) => `${short(file)}: ${word}`),
    );
    expect([...new Set(unknown)]).toEqual([]);
  });
});
