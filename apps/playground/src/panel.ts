import { drawMap, drawStrip } from './drawing.ts';
import type { Contestant, FeatureMap, Judgement, Method, Progress } from './messages.ts';

const TITLES: Readonly<Record<Method, string>> = { 'end-to-end': 'End to end', local: 'Local losses', man: 'Local losses with MAN' };
/** A classifier of ten classes that knows nothing. */
const GUESSING = Math.log(10);
const STRIP = { width: 300, height: 14 };

/** One method's column. */
export class Panel {
  readonly element = make('article');
  readonly #losses: number[][];
  readonly #strips: readonly { readonly canvas: HTMLCanvasElement; readonly value: HTMLElement }[];
  readonly #maps: HTMLElement;
  readonly #accuracy: HTMLElement;
  readonly #memory: HTMLElement;
  readonly #bar = make('meter');
  readonly #speed: HTMLElement;
  readonly #title: string;
  #most = 0;

  constructor({ method, blocks, parameters, auxiliaryParameters }: Contestant, example: FeatureMap, label: string) {
    this.#title = TITLES[method];
    this.element.id = method;
    this.#losses = Array.from({ length: blocks }, () => []);
    this.#strips = this.#losses.map(() => ({ canvas: picture(STRIP.width, STRIP.height), value: number() }));
    this.#accuracy = number();
    this.#memory = number();
    this.#speed = number();
    this.#maps = make('div');
    this.#maps.className = 'maps';
    this.#maps.append(figure(mapOf(example, `the picture itself: ${label}`), label));
    const beside = auxiliaryParameters === 0 ? '' : `, ${count(auxiliaryParameters)} more while training`;
    this.element.append(
      make('h2', this.#title),
      make('p', `${blocks === 1 ? 'one block' : `${blocks} blocks`}, ${count(parameters)} weights${beside}`),
      make('h3', blocks === 1 ? 'Loss' : 'Losses by block'),
      this.#stripTable(),
      this.#facts(),
      make('h3', 'What each block sees'),
      this.#maps,
    );
  }

  /** Bytes of its largest step so far. */
  get bytes(): number {
    return this.#most;
  }

  show({ losses, bytes, milliseconds }: Progress): void {
    for (const [block, { canvas, value }] of this.#strips.entries()) {
      const all = this.#losses[block] as number[];
      all.push(losses[block] as number);
      drawStrip(canvas, all, 1.5 * GUESSING);
      value.textContent = (losses[block] as number).toFixed(2);
      canvas.ariaLabel = `loss of block ${block + 1}: ${(all[0] as number).toFixed(2)} at first, ${value.textContent} now`;
    }
    this.#most = Math.max(this.#most, bytes);
    this.#memory.textContent = `${(this.#most / 1e6).toFixed(1)} MB`;
    this.#speed.textContent = `${milliseconds.toFixed(0)} ms`;
  }

  /** `largest`: bytes of the method that takes most. */
  compare(largest: number): void {
    this.#bar.max = largest;
    this.#bar.value = this.#most;
  }

  judge({ accuracy, maps }: Judgement): void {
    this.#accuracy.textContent = `${(100 * accuracy).toFixed(0)} %`;
    const [original] = this.#maps.children;
    const shown = maps.map((map, i) => figure(mapOf(map, `${this.#title}: the picture behind layer ${i + 1}`), `layer ${i + 1}`));
    this.#maps.replaceChildren(original as Element, ...shown);
  }

  #stripTable(): HTMLElement {
    const table = make('table');
    const body = table.createTBody();
    for (const [block, { canvas, value }] of this.#strips.entries()) {
      const row = body.insertRow();
      const heading = make('th', this.#strips.length === 1 ? 'all' : `${block + 1}`);
      heading.scope = 'row';
      row.append(heading);
      row.insertCell().append(canvas);
      row.insertCell().append(value);
      canvas.ariaLabel = `loss of block ${block + 1}: none yet`;
    }
    return table;
  }

  #facts(): HTMLElement {
    this.#bar.ariaLabel = `${this.#title}: memory of a step`;
    const list = make('dl');
    const facts: [string, HTMLElement[]][] = [
      ['Accuracy', [this.#accuracy]],
      ['Memory of a step', [this.#memory, this.#bar]],
      ['Time of a step', [this.#speed]],
    ];
    for (const [name, values] of facts) {
      const definition = make('dd');
      definition.append(...values);
      list.append(make('dt', name), definition);
    }
    return list;
  }
}

function mapOf(map: FeatureMap, label: string): HTMLCanvasElement {
  const canvas = picture(map.width, map.height);
  drawMap(canvas, map);
  canvas.ariaLabel = label;
  return canvas;
}

function figure(canvas: HTMLCanvasElement, caption: string): HTMLElement {
  const element = make('figure');
  element.append(canvas, make('figcaption', caption));
  return element;
}

function picture(width: number, height: number): HTMLCanvasElement {
  const canvas = make('canvas');
  canvas.width = width;
  canvas.height = height;
  canvas.role = 'img';
  return canvas;
}

/** Not an `output`: a screen reader would announce every change of fifteen losses. */
function number(): HTMLElement {
  const element = make('span', '–');
  element.className = 'number';
  return element;
}

function make<K extends keyof HTMLElementTagNameMap>(tag: K, text?: string): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  return element;
}

const count = (value: number) => value.toLocaleString('en-US');
