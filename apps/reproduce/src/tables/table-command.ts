import { badTable } from '../errors.ts';
import { cellsOf, TRAINED_TABLES } from './layout.ts';
import { measure } from './measured.ts';
import { memoryTable } from './memory-table.ts';
import { pagesText, writePages } from './pages.ts';
import { layoutOf } from './paper-tables.ts';
import { makeStudy, type StudyOptions, trainStudy } from './study.ts';
import { chosenTables, pagesOf } from './table-output.ts';

/**
 * `man-reproduce table`: trains what a table of the paper needs and is not there yet, and prints it beside the paper's numbers.
 *
 * @returns the exit code: 0; 1 when a run failed; 130 or 143 when it was stopped, with the table as far as it is
 * @throws MAN_REPRODUCE_OPTION, MAN_REPRODUCE_TABLE_BEGUN, MAN_REPRODUCE_TABLE_CONFIGURATION
 */
export async function tableCommand(number: string, overrides: readonly string[], options: StudyOptions): Promise<number> {
  if (number === '3') return memoryTable(overrides, options);
  const which = TRAINED_TABLES.find((known) => known === number);
  if (which === undefined) throw badTable(number);
  const started = performance.now();
  const layout = layoutOf(which);
  const table = { layout, ...makeStudy(`table-${which}`, cellsOf(layout), overrides, options) };
  if (options.dry) return (await import('./dry.ts')).dryRun(table, options.json);
  const { problems, exitCode } = await trainStudy(table, options.resume);
  const byCell = await measure(table.jobs, problems);
  const pages = pagesOf(table, byCell);
  await writePages(pages);
  const printed = { ...pages, tables: chosenTables(table, byCell) };
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(`${options.json ? JSON.stringify(pages.data) : pagesText(printed, seconds)}\n`);
  return exitCode;
}
