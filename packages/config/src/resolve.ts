import { formatValue } from '@man/base';
import { formatTime, timeDirectives, unknownDirective } from './clock.ts';
import { tooBig } from './errors.ts';
import { type Piece, type Reference, readInterpolations } from './interpolation.ts';
import { limits } from './limits.ts';
import { near as nameLike } from './near.ts';
import { describeOrigin, type Origin } from './origin.ts';
import type { ConfigProblem } from './problem.ts';
import { find, keyPaths, type ListNode, type MapNode, type Node, type ScalarNode, toNode } from './tree.ts';
import { shorten } from './value.ts';
import { readValue, readWord } from './value-grammar.ts';

/** What interpolations can reach besides the configuration itself. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: Date;
  /** Values of `${run.…}`; null when the caller gave none. */
  readonly run: MapNode | null;
}

/** A tree without interpolations, and what could not be resolved; leaves with a problem are missing from it. */
export interface Resolved {
  readonly tree: MapNode;
  readonly problems: readonly ConfigProblem[];
}

/** Resolves every interpolation of a finished tree. Reports all that fail. */
export function resolveTree(tree: MapNode, surroundings: Surroundings): Resolved {
  const resolver = new Resolver(tree, surroundings);
  const resolved = resolver.node(tree, '', []) as MapNode;
  return { tree: resolved, problems: resolver.problems };
}

/** Thrown and caught here only: a leaf that cannot be resolved. */
class Unresolved {
  readonly message: string;
  readonly near: readonly string[];
  /** The reference as written, when a name like its own may be meant. */
  readonly written: string | undefined;
  constructor(message: string, near: readonly string[] = [], written?: string) {
    this.message = message;
    this.near = near;
    this.written = written;
  }
}

class Resolver {
  readonly problems: ConfigProblem[] = [];
  /** Bounds what references can blow up: `${b}${b}`, where b is `${c}${c}`, and so on. */
  private count = 0;
  private depth = 0;
  private readonly tree: MapNode;
  private readonly around: Surroundings;
  constructor(tree: MapNode, around: Surroundings) {
    this.tree = tree;
    this.around = around;
  }

  /** The node at `key` with its interpolations resolved; leaves of the top tree that fail become problems. */
  node(node: Node, key: string, chain: readonly string[]): Node {
    if (++this.count > limits.nodes) throw tooBig('the configuration', 'values with all interpolations followed', limits.nodes);
    if (++this.depth > 3 * limits.depth) throw tooBig(describeOrigin(node.origin), 'maps and lists inside each other', 3 * limits.depth);
    try {
      return node.kind === 'scalar' ? this.scalar(node, key, chain) : this.collection(node, key, chain);
    } finally {
      this.depth--;
    }
  }

  private collection(node: MapNode | ListNode, key: string, chain: readonly string[]): Node {
    const below = (name: string | number) => (key === '' ? String(name) : `${key}.${name}`);
    if (node.kind === 'list') return { ...node, items: node.items.map((item, i) => this.node(item, below(i), chain)) };
    const entries = new Map<string, Node>();
    for (const [name, inner] of node.entries) {
      const resolved = chain.length === 0 ? this.attempt(inner, below(name)) : this.node(inner, below(name), chain);
      if (resolved !== undefined) entries.set(name, resolved);
    }
    return { ...node, entries };
  }

  private attempt(node: Node, key: string): Node | undefined {
    try {
      return this.node(node, key, []);
    } catch (error) {
      if (!(error instanceof Unresolved)) throw error;
      const { message, near, written } = error;
      // A name like the missing one, put in its place, is an override that can be typed; one that leads back to itself is not.
      const renamed = node.kind === 'scalar' && written !== undefined && near[0] !== undefined && near[0] !== key;
      const fix = renamed ? `${key}=${formatValue(String(node.value).replace(written, `\${${near[0]}}`))}` : undefined;
      this.problems.push({ kind: 'interpolation', key, message, origin: node.origin, near, fix });
      return undefined;
    }
  }

  private scalar(node: ScalarNode, key: string, chain: readonly string[]): Node {
    if (typeof node.value !== 'string' || !node.value.includes('${')) return node;
    const pieces = readInterpolations(node.value);
    if ('mistake' in pieces) throw new Unresolved(pieces.mistake);
    const [only] = pieces;
    if (pieces.length === 1 && only !== undefined && 'kind' in only) return this.reference(only, node.origin, key, chain);
    let text = '';
    for (const piece of pieces) {
      text += this.text(piece, node.origin, key, chain);
      if (text.length > limits.characters) throw tooBig(describeOrigin(node.origin), 'characters made by interpolation', limits.characters);
    }
    return { kind: 'scalar', value: text, origin: node.origin };
  }

  private text(piece: Piece, origin: Origin, key: string, chain: readonly string[]): string {
    if ('literal' in piece) return piece.literal;
    if (piece.kind === 'env') return this.env(piece);
    const node = this.reference(piece, origin, key, chain);
    if (node.kind === 'scalar') return typeof node.value === 'number' ? formatValue(node.value) : String(node.value);
    throw new Unresolved(`${piece.text} is a ${node.kind} and cannot stand inside a text`);
  }

  private reference(reference: Reference, origin: Origin, key: string, chain: readonly string[]): Node {
    if (reference.kind === 'env') return { kind: 'scalar', value: typed(this.env(reference)), origin };
    if (reference.kind === 'now') return { kind: 'scalar', value: this.now(reference), origin };
    const path = reference.name;
    const links = [...chain, key];
    // A reference to a map that holds the referring key leads back as surely as one to the key itself.
    const back = links.findIndex((link) => link === path || link.startsWith(`${path}.`));
    if (back >= 0) throw new Unresolved(`interpolations lead in a circle: ${[...links.slice(back), path].join(' → ')}`);
    if (links.length > limits.references)
      throw new Unresolved(`more than ${limits.references} interpolations lead to each other: ${links.slice(0, 3).join(' → ')} → …`);
    return withOrigin(this.node(this.lookUp(reference, links), path, links), origin);
  }

  private lookUp({ name, text }: Reference, links: readonly string[]): Node {
    const path = name.split('.');
    const inConfig = this.follow(path, links);
    const inRun = path[0] === 'run' && this.around.run !== null ? find(this.around.run, path.slice(1)) : undefined;
    if (inConfig !== undefined && inRun !== undefined)
      throw new Unresolved(`${text} is both a key and given by the program; rename the key`);
    const found = inConfig ?? inRun;
    if (found !== undefined) return found;
    const given = this.around.run === null ? [] : keyPaths(this.around.run, 'run');
    const alike = this.problems.length < limits.problems ? nameLike(name, [...keyPaths(this.tree), ...given]) : [];
    throw new Unresolved(`${shorten(text)}: there is no key "${shorten(name)}"`, alike, text);
  }

  /** The node at a path, through sections that are interpolations themselves (`model: ${models.small}`). */
  private follow(path: readonly string[], links: readonly string[]): Node | undefined {
    let node: Node | undefined = this.tree;
    for (const [i, name] of path.entries()) {
      if (node?.kind === 'scalar' && i > 0) node = this.node(node, path.slice(0, i).join('.'), links);
      node = node === undefined ? undefined : find(node, [name]);
    }
    return node;
  }

  private env({ name, otherwise }: Reference): string {
    const value = Object.hasOwn(this.around.env, name) ? this.around.env[name] : undefined;
    if (value !== undefined) return value;
    if (otherwise !== undefined) return otherwise;
    throw new Unresolved(
      `the environment variable ${name} is not set, and \${env:${name},…} has no default`,
      nameLike(name, Object.keys(this.around.env)),
    );
  }

  private now({ name }: Reference): string {
    const unknown = unknownDirective(name);
    if (unknown === undefined) return formatTime(name, this.around.now);
    throw new Unresolved(`\${now:${name}}: unknown directive "${unknown}"; known are ${timeDirectives.join(' ')}`);
  }
}

/** Text of the environment as an override would read it, where that gives a leaf; otherwise as it is. */
function typed(text: string): ScalarNode['value'] {
  const keep = (): never => {
    throw new RangeError('not exact');
  };
  try {
    return /^['"]/.test(text) ? (readValue(text, 0) as string) : readWord(text, keep);
  } catch {
    return text;
  }
}

function withOrigin(node: Node, origin: Origin): Node {
  if (node.kind === 'map')
    return { ...node, origin, entries: new Map([...node.entries].map(([key, inner]) => [key, withOrigin(inner, origin)])) };
  if (node.kind === 'list') return { ...node, origin, items: node.items.map((item) => withOrigin(item, origin)) };
  return { ...node, origin };
}

/** The record of `${run.…}` as a tree. */
export function runTree(run: unknown): MapNode | null {
  return run === undefined ? null : (toNode(run, { kind: 'schema' }) as MapNode);
}
