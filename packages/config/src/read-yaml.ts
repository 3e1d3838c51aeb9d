import { Composer, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, Parser, type Node as YamlNode } from 'yaml';
import { badYaml, tooBig } from './errors.ts';
import { checkKey } from './key.ts';
import { limits } from './limits.ts';
import type { Origin } from './origin.ts';
import type { MapNode, Node } from './tree.ts';

/** A file of the configuration as written. */
export interface ConfigFile {
  /** Its values, without the defaults list. */
  readonly tree: MapNode;
  /** The defaults list; undefined when the file has none. */
  readonly defaults: Node | undefined;
  /** Whether it says `# @package _global_`: its values are placed from the top. */
  readonly global: boolean;
}

/**
 * Reads the text of one YAML 1.2 file.
 *
 * @param file the place in messages, e.g. `conf/loss/dgl.yaml`
 * @throws `MAN_CONFIG_YAML`, `MAN_CONFIG_KEY`, `MAN_CONFIG_TOO_BIG`
 */
export function readYaml(file: string, text: string): ConfigFile {
  if (text.length > limits.characters) throw tooBig(file, `${text.length} characters`, limits.characters);
  const lines = new LineCounter();
  const document = parseDocument(file, text, lines);
  const start: Origin = { kind: 'file', file, line: 1, column: 1 };
  const global = isGlobal(file, text);
  const contents = document.contents;
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    return { tree: { kind: 'map', entries: new Map(), origin: start }, defaults: undefined, global };
  }
  const root = new Converter(file, lines).node(contents, start, 0);
  if (root.kind !== 'map') throw badYaml(`${file}:1`, `expected a map of keys at the top, got a ${root.kind}`);
  const entries = new Map(root.entries);
  const defaults = entries.get('defaults');
  entries.delete('defaults');
  return { tree: { ...root, entries }, defaults, global };
}

function parseDocument(file: string, text: string, lines: LineCounter): Document {
  // Tokens first: the parser works with a stack of its own, while composing recurses and would end the process.
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  if (depthOf(tokens) > limits.depth) throw tooBig(file, 'maps and lists inside each other', limits.depth);
  // Twice the same key is found by the converter, in linear time.
  const documents = [...new Composer({ uniqueKeys: false, prettyErrors: false }).compose(tokens, true, text.length)];
  for (const document of documents) {
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem !== undefined) throw badYaml(`${file}:${lines.linePos(problem.pos[0]).line}`, `not valid YAML: ${problem.message}`);
  }
  const [document, second] = documents;
  if (second !== undefined)
    throw badYaml(`${file}:${lines.linePos(second.range[0]).line}`, 'expected one document in the file, got several');
  return document as Document;
}

/** How deep maps and lists are nested in tokens, found without recursion. */
function depthOf(tokens: readonly unknown[]): number {
  interface Token {
    readonly type?: string;
    readonly value?: unknown;
    readonly items?: readonly { readonly key?: unknown; readonly value?: unknown }[];
  }
  const open = tokens.map((token) => ({ token: token as Token | null | undefined, depth: 0 }));
  let deepest = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (token === null || token === undefined) continue;
    deepest = Math.max(deepest, depth);
    if (token.type === 'document') open.push({ token: token.value as Token, depth });
    for (const { key, value } of token.items ?? []) {
      open.push({ token: key as Token, depth: depth + 1 }, { token: value as Token, depth: depth + 1 });
    }
  }
  return deepest;
}

function isGlobal(file: string, text: string): boolean {
  const found = /^#\s*@package\s+(\S+)\s*$/m.exec(text.slice(0, 4096));
  if (found === null) return false;
  if (found[1] === '_global_') return true;
  if (found[1] === '_group_') return false;
  throw badYaml(file, `unknown package "${found[1]}"`, 'write "# @package _global_" to place the values at the top, or leave the line out');
}

/** Turns YAML nodes into nodes with origins, expanding aliases within bounds. */
class Converter {
  private readonly anchors = new Map<string, YamlNode>();
  private count = 0;
  private inDefaults = false;
  private readonly file: string;
  private readonly lines: LineCounter;
  constructor(file: string, lines: LineCounter) {
    this.file = file;
    this.lines = lines;
  }

  node(yaml: unknown, origin: Origin, depth: number): Node {
    this.count++;
    if (this.count > limits.nodes) throw tooBig(this.file, 'values with all aliases expanded', limits.nodes);
    if (depth > limits.depth) throw tooBig(this.file, 'maps and lists inside each other', limits.depth);
    if (isAlias(yaml)) return this.alias(yaml.source, origin, depth);
    this.remember(yaml);
    if (isMap(yaml)) return this.map(yaml.items, origin, depth);
    if (isSeq(yaml)) {
      return { kind: 'list', items: yaml.items.map((item) => this.node(item, this.at(item, origin), depth + 1)), origin };
    }
    return isScalar(yaml) ? this.scalar(yaml.value, yaml.source, origin) : { kind: 'scalar', value: null, origin };
  }

  private remember(yaml: unknown): void {
    const anchor = (yaml as { readonly anchor?: string } | null)?.anchor;
    if (anchor !== undefined) this.anchors.set(anchor, yaml as YamlNode);
  }

  private alias(name: string, origin: Origin, depth: number): Node {
    const target = this.anchors.get(name);
    if (target === undefined) throw badYaml(this.place(origin), `alias *${name} has no anchor &${name} before it`);
    return this.node(target, origin, depth + 1);
  }

  private map(items: readonly { key: unknown; value: unknown }[], origin: Origin, depth: number): MapNode {
    const entries = new Map<string, Node>();
    for (const { key, value } of items) {
      const from = this.at(key, origin);
      const place = this.place(from);
      this.remember(key);
      if (!isScalar(key) || key.value === null || typeof key.value === 'object') throw badYaml(place, 'a key must be a plain word');
      const name = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
      if (name === '<<')
        throw badYaml(place, '"<<" is not part of YAML 1.2', 'repeat the keys, or list the shared file in the defaults list');
      if (depth === 0) this.inDefaults = false;
      // The keys of a defaults list are names of groups, with words before them; they never become keys of values.
      if (!this.inDefaults) checkKey(place, name);
      if (entries.has(name)) throw badYaml(place, `the key "${name}" comes twice in one map`, 'keep one of them');
      if (depth === 0) this.inDefaults = name === 'defaults';
      entries.set(name, this.node(value, from, depth + 1));
    }
    return { kind: 'map', entries, origin };
  }

  private scalar(value: unknown, source: string | undefined, origin: Origin): Node {
    if (typeof value === 'number' && /^[+-]?\d+$/.test(source ?? '') && !Number.isSafeInteger(value)) {
      throw badYaml(
        this.place(origin),
        `the whole number ${source} is beyond ±9007199254740991 and would be rounded`,
        'quote it if it is a text',
      );
    }
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return { kind: 'scalar', value, origin };
    if (typeof value === 'number') return { kind: 'scalar', value: value + 0, origin };
    throw badYaml(this.place(origin), `a value of kind ${typeof value} cannot be used`);
  }

  private at(yaml: unknown, otherwise: Origin): Origin {
    const offset = (yaml as { range?: readonly number[] | null } | null)?.range?.[0];
    if (offset === undefined) return otherwise;
    const { line, col } = this.lines.linePos(offset);
    return { kind: 'file', file: this.file, line, column: col };
  }

  private place(origin: Origin): string {
    return origin.kind === 'file' ? `${origin.file}:${origin.line}` : this.file;
  }
}
