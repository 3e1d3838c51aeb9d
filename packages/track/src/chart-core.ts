import type { TopLevelSpec } from 'vega-lite';
import { displayWidth } from './display-width.ts';
import { chartFailed } from './errors.ts';
import { escapeHtml, xmlText } from './html.ts';

/**
 * Series colours after Okabe and Ito, distinct for colour-blind readers; those too pale for white paper are darkened, so that each has a
 * contrast of 3 : 1 or more against white and against the dark page of the report.
 */
export const PALETTE = ['#0072B2', '#D55E00', '#009E73', '#C0669A', '#A97B00', '#3A93CC', '#7F7F7F'] as const;

/** Dashes, so that series differ without colour too. */
const DASHES: readonly (readonly number[])[] = [
  [1, 0],
  [7, 3],
  [2, 2],
  [9, 3, 2, 3],
  [4, 2],
  [12, 4],
  [1, 3],
];

/** Colour of the `index`-th series. */
export function colorOf(index: number): string {
  return PALETTE[index % PALETTE.length] as string;
}

/** Dash of the `index`-th series. */
export function dashOf(index: number): readonly number[] {
  return DASHES[index % DASHES.length] as readonly number[];
}

/** An axis of a chart. */
export interface Axis {
  /** What is drawn, without unit. */
  readonly title: string;
  /** Put in parentheses behind the title. */
  readonly unit?: string;
  /** Default `'linear'`; a `'log'` axis leaves out values that are not positive. */
  readonly scale?: 'linear' | 'log';
  /** Whether a linear axis begins at zero; default false for lines. */
  readonly zero?: boolean;
}

/** Title and unit as a person writes them. */
export function axisTitle({ title, unit }: Axis): string {
  return unit === undefined ? title : `${title} (${unit})`;
}

/**
 * Draws a specification without a browser. Text takes the colour of its surroundings (black where there are none), so that an inlined
 * chart follows the light or dark page; everything that Vega would say on the console is kept from it.
 */
export async function draw(title: string, description: string, spec: object): Promise<string> {
  try {
    // Half a second to load: only those who draw pay for it.
    const [vega, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
    const problems: string[] = [];
    const logger = quiet(problems);
    const compiled = compile({ ...spec, background: null, config: CONFIG } as unknown as TopLevelSpec, { logger });
    const svg = await new vega.View(vega.parse(compiled.spec), { renderer: 'none', logger }).toSVG();
    if (problems.length > 0) throw new Error(problems.join('; '));
    return xmlText(svg).replace('<svg ', `<svg role="img" aria-label="${escapeHtml(`${title}. ${description}`)}" `);
  } catch (error) {
    throw chartFailed(title, error);
  }
}

/** Pixels around a plot. */
export interface Margins {
  readonly left: number;
  readonly right: number;
  /** Default 42: an axis with its title. */
  readonly bottom?: number;
}

/**
 * Size, title and margins of a chart. Vega cannot measure text without a canvas and guesses a third too much, so margins are fixed from
 * {@link textWidth} rather than fitted by it.
 */
export function frame(title: string, { left, right, bottom = 42 }: Margins): object {
  return {
    title: { text: title, frame: 'group', dx: -left },
    autosize: { type: 'none' },
    padding: { left, right, top: 34, bottom },
  };
}

/** About how wide a label of 11 pixels is drawn by the common sans-serif fonts. */
export function textWidth(text: string): number {
  return 6.4 * displayWidth(text);
}

const FONT = 'system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif';

const CONFIG = {
  // The label of the whole drawing says what it shows; the numbers are in the tables.
  aria: false,
  font: FONT,
  view: { stroke: null },
  title: { color: 'currentColor', anchor: 'start', fontSize: 13, fontWeight: 600, offset: 12 },
  axis: {
    labelColor: 'currentColor',
    titleColor: 'currentColor',
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: 'normal',
    labelOpacity: 0.8,
    titlePadding: 8,
    domainColor: 'currentColor',
    domainOpacity: 0.45,
    tickColor: 'currentColor',
    tickOpacity: 0.45,
    tickSize: 4,
    gridColor: 'currentColor',
    gridOpacity: 0.12,
  },
  axisX: { grid: false },
  text: { color: 'currentColor', fontSize: 11 },
};

function quiet(problems: string[]) {
  const logger = {
    level: (level?: number) => (level === undefined ? 1 : logger),
    error: (...messages: readonly unknown[]) => {
      problems.push(messages.map(String).join(' '));
      return logger;
    },
    warn: () => logger,
    info: () => logger,
    debug: () => logger,
  };
  // Asked for its level it answers a number, told one itself; overloads of a literal cannot be written down.
  return logger as never;
}
