import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { atomicWrite, formatDuration } from '@man/track';
import { badFigure } from '../errors.ts';
import { shown } from '../run-folder.ts';
import { listenForStop } from '../stop.ts';
import type { Profile } from '../tables/cell.ts';
import { budgetOf, measure } from '../tables/measured.ts';
import { makeStudy, type StudyOptions, trainStudy } from '../tables/study.ts';
import { aboutText } from '../tables/table-output.ts';
import { figure1, figure4 } from './accuracy-figures.ts';
import { Analyses } from './analyses.ts';
import { figure5, figure6, figure7 } from './analysis-figures.ts';
import { type ByCell, csvText, FIGURES, type Figure, type FigureNumber, figureCells } from './figure.ts';
import { rasterised } from './picture.ts';

/** What draws each figure. */
const DRAWN: Readonly<Record<FigureNumber, (byCell: ByCell, analyses: Analyses, profile: Profile) => Promise<Figure>>> = {
  1: figure1,
  4: figure4,
  5: figure5,
  6: figure6,
  7: figure7,
};

/**
 * `man-reproduce figure`: trains what a figure of the paper needs and is not there yet, and draws it.
 *
 * @returns the exit code: 0; 1 when a run failed; 130 or 143 when it was stopped, with the figure as far as it is
 * @throws MAN_REPRODUCE_OPTION, MAN_REPRODUCE_TABLE_BEGUN, MAN_REPRODUCE_TABLE_CONFIGURATION
 */
export async function figureCommand(number: string, overrides: readonly string[], options: StudyOptions): Promise<number> {
  const which = FIGURES.find((known) => known === number);
  if (which === undefined) throw badFigure(number);
  const started = performance.now();
  const study = makeStudy(`figure-${which}`, figureCells(which), overrides, options);
  if (options.dry) return (await import('../tables/dry.ts')).dryRun(study, options.json);
  const { problems, exitCode } = await trainStudy(study, options.resume);
  const byCell = await measure(study.jobs, problems);
  const stop = listenForStop();
  const figure = await DRAWN[which](byCell, new Analyses(stop.signal), study.profile).finally(() => stop.dispose());
  const files = await write(study.folder, figure);
  const budgets = [...new Set([...byCell.values()].map(budgetOf))];
  const data = {
    figure: which,
    profile: study.profile,
    overrides,
    title: figure.title,
    budgets,
    files: files.map(shown),
    notes: figure.notes,
  };
  const lines = [
    '',
    figure.title,
    `Trained with ${budgets.join('; ')}.`,
    aboutText(study),
    ...figure.notes,
    `Took ${formatDuration((performance.now() - started) / 1000)}. As picture, picture of pixels and data:`,
    ...files.map((file) => (file.endsWith('.csv') ? shown(file) : pathToFileURL(file).href)),
  ];
  process.stdout.write(`${options.json ? JSON.stringify(data) : lines.join('\n')}\n`);
  return exitCode || stop.exitCode();
}

/** `figure.svg`, `figure.png` and `figure.csv`. */
async function write(folder: string, { svg, rows }: Figure): Promise<readonly string[]> {
  const [drawing, pixels, table] = ['figure.svg', 'figure.png', 'figure.csv'].map((name) => join(folder, name)) as [string, string, string];
  await atomicWrite(drawing, svg);
  await atomicWrite(pixels, await rasterised(svg));
  await atomicWrite(table, csvText(rows));
  return [drawing, pixels, table];
}
