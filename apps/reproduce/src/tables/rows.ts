import { badRows } from '../errors.ts';
import type { Cell } from './cell.ts';

/**
 * The cells that a filter names: words of their ids (`cifar10 k16 dgl`), all of which must be there; `!man` must not; a comma begins another
 * choice.
 *
 * @throws MAN_REPRODUCE_OPTION where it names none
 */
export function chosenCells(cells: readonly Cell[], filter: string | null): readonly Cell[] {
  if (filter === null) return cells;
  const choices = filter.split(',').map((choice) => choice.split(' ').filter((word) => word !== ''));
  const chosen = cells.filter(({ id }) => choices.some((words) => words.length > 0 && words.every((word) => matches(id, word))));
  if (chosen.length === 0) {
    const words = [...new Set(cells.flatMap(({ id }) => id.split('-')))];
    throw badRows(filter, words);
  }
  return chosen;
}

function matches(id: string, word: string): boolean {
  const [isAbsent, part] = word.startsWith('!') ? [true, word.slice(1)] : [false, word];
  return `-${id}-`.includes(`-${part.toLowerCase()}-`) !== isAbsent;
}
