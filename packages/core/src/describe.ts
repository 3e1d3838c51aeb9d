import type { BlockTrainer } from './blocks.ts';
import type { Shape } from './contracts.ts';
import { countValues } from './named.ts';

const HEADER = ['block', 'units', 'output', 'parameters', 'MACs', 'auxiliary parameters', 'auxiliary MACs'];

/** What a block holds and what its auxiliary network adds, in numbers; multiplications are of one example's forward pass, null where a unit does not tell. */
export interface BlockCost {
  /** Names of its units. */
  readonly units: readonly string[];
  readonly outputShape: Shape;
  /** Trainable values of its units, and of the classifier in the last block. */
  readonly parameters: number;
  readonly macs: number | null;
  /** Trainable values that only training needs. */
  readonly auxiliaryParameters: number;
  readonly auxiliaryMacs: number | null;
}

/** Parameters and multiplications of each block. */
export function blockCosts(blocks: readonly BlockTrainer[]): BlockCost[] {
  return blocks.map(({ block, aux }, i) => {
    const { units, outputShape } = block;
    const isLast = i === blocks.length - 1;
    const parameters = units.reduce((sum, unit) => sum + countValues(unit.parameters()), 0);
    const own = countValues(aux.parameters());
    const macs = units.map((unit) => unit.macs?.());
    return {
      units: units.map(({ name }) => name),
      outputShape,
      parameters: isLast ? parameters + own : parameters,
      macs: total(isLast ? [...macs, aux.macs?.()] : macs),
      auxiliaryParameters: isLast ? 0 : own,
      auxiliaryMacs: isLast ? 0 : (aux.macs?.() ?? null),
    };
  });
}

/** A table of the blocks for people: what each holds, and what its auxiliary network adds. */
export function describeBlocks(blocks: readonly BlockTrainer[]): string {
  const costs = blockCosts(blocks);
  const rows = costs.map(({ units, outputShape, parameters, macs, auxiliaryParameters, auxiliaryMacs }, i) => {
    const names = units.length === 1 ? `${units[0]}` : `${units[0]} … ${units[units.length - 1]}`;
    return {
      cells: [`${i + 1}`, names + (i === costs.length - 1 ? ' + classifier' : ''), show(outputShape)],
      numbers: [parameters, macs, auxiliaryParameters, auxiliaryMacs],
    };
  });
  const sums = [0, 1, 2, 3].map((column) => total(rows.map(({ numbers }) => numbers[column] ?? undefined)));
  const lines = [...rows, { cells: ['', 'all', ''], numbers: sums }].map(({ cells, numbers }) => [...cells, ...numbers.map(format)]);
  return [align([HEADER, ...lines]), ...relativeCost(sums)].join('\n');
}

/** What the auxiliary networks add to the network, in percent; no line where there are none, or where a count is unknown. */
function relativeCost([parameters, macs, auxParameters, auxMacs]: readonly (number | null)[]): string[] {
  const shares = [
    { what: 'MACs', part: auxMacs, whole: macs },
    { what: 'parameters', part: auxParameters, whole: parameters },
  ].flatMap(({ what, part, whole }) => (part && whole ? [{ what, share: percent(part / whole) }] : []));
  const told = shares.map(({ what, share }, i) => (i === 0 ? `auxiliary ${what} are ${share} of the network's` : `${what} ${share}`));
  return told.length === 0 ? [] : [told.join(', ')];
}

const percent = (share: number) => `${(100 * share).toLocaleString('en-US', { maximumFractionDigits: share < 0.1 ? 1 : 0 })} %`;

/** The sum, or null where a part is unknown. */
function total(parts: readonly (number | undefined)[]): number | null {
  return parts.some((part) => part === undefined) ? null : parts.reduce<number>((sum, part) => sum + (part as number), 0);
}

const show = (shape: Shape) => shape.join('×');
const format = (value: number | null) => (value === null ? '?' : value.toLocaleString('en-US'));

/** Text in the first three columns is aligned left, numbers right. */
function align(rows: readonly (readonly string[])[]): string {
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i < 3 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
