import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rooms, root, short } from '../workspace.ts';

/** A fenced block of a page. */
export interface Fence {
  /** `packages/track/README.md:14`: the page and the line of the first line of code. */
  readonly at: string;
  readonly page: string;
  readonly line: number;
  /** What follows the backticks: `ts`, `ts run`, `sh`. */
  readonly info: string;
  readonly code: string;
}

/** The pages people read: the READMEs of the root and of all rooms, and `docs/` with its how-tos. */
export function pages(): string[] {
  const docs = [join(root, 'docs'), join(root, 'docs/how-to')].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  );
  const readmes = [root, ...rooms.map((room) => room.folder), join(root, 'tools/create')].map((folder) => join(folder, 'README.md'));
  const all = [...readmes, ...docs];
  return all.filter((page) => existsSync(page));
}

/** All fences of a page, in order. */
export function fencesOf(page: string): Fence[] {
  const fences: Fence[] = [];
  let open: { line: number; info: string; indent: number; mark: string; code: string[] } | null = null;
  for (const [i, text] of readFileSync(page, 'utf8').split('\n').entries()) {
    const [, indent = '', mark, info = ''] = /^( *)(`{3,})(.*)$/.exec(text) ?? [];
    if (open === null && mark !== undefined) {
      open = { line: i + 2, info: info.trim(), indent: indent.length, mark, code: [] };
    } else if (open !== null && mark === open.mark && info === '') {
      fences.push({ at: `${short(page)}:${open.line}`, page: short(page), line: open.line, info: open.info, code: open.code.join('\n') });
      open = null;
    } else {
      open?.code.push(text.slice(open.indent));
    }
  }
  if (open !== null) throw new Error(`${short(page)}:${open.line - 1}: this fence is never closed`);
  return fences;
}
