import type { BlockMetrics, EpochReport, ProgressReport } from '@man/core';
import pc from 'picocolors';
import { displayWidth, plainLine, truncate } from './display-width.ts';
import { formatBytes, formatDuration, formatLoss, formatPercent, formatRate } from './format.ts';

/** How a line may look: columns it may take, and whether it may have colours. */
export interface LineStyle {
  readonly label: string;
  readonly columns: number;
  readonly colors: boolean;
}

/** A piece of a line; pieces of the lowest priority number are kept where not all fit. */
interface Piece {
  readonly text: string;
  readonly priority: number;
  readonly paint?: 'bold' | 'dim' | 'cyan' | 'green' | 'red';
}

const LEVELS = '▁▂▃▄▅▆▇█';
const MOST_BAR = 24;
const LEAST_BAR = 6;

/** The redrawn line of a running epoch, at most `columns` wide. */
export function runningLine(report: ProgressReport, style: LineStyle): string {
  const { columns } = style;
  const share = report.batches > 0 ? Math.min(1, report.batch / report.batches) : 1;
  const label = labelPiece(style.label, 6);
  const epoch: Piece = { text: `epoch ${report.epoch}/${report.epochs}`, priority: 0, paint: 'bold' };
  const step: Piece = { text: `step ${report.batch}/${report.batches}`, priority: 7, paint: 'dim' };
  const bar: Piece = { text: ' '.repeat(LEAST_BAR), priority: 3 };
  const rest: Piece[] = [
    { text: formatPercent(share, 0).padStart(5), priority: 0 },
    ...trainPieces(report.blocks.at(-1), 1, 3),
    { text: `${formatDuration(report.secondsLeft)} left`, priority: 2 },
  ];
  const rate: Piece = { text: formatRate(report.imagesPerSecond), priority: 5, paint: 'dim' };
  // The strip takes what the pieces before it leave, the bar what all others leave.
  const memory: Piece[] = memoryPiece(report.peakTensorBytes, 6);
  const strip = stripPiece(report.blocks, columns - widthOf(fit([epoch, bar, ...rest], columns)) - 2, 4);
  const kept = fit([...label, epoch, step, bar, ...rest, rate, ...memory, ...strip], columns);
  const room = Math.min(MOST_BAR, LEAST_BAR + columns - widthOf(kept));
  if (room < LEAST_BAR) return truncate(kept.map(({ text }) => text).join('  '), columns);
  return kept.map((piece) => (piece === bar ? progressBar(share, room, style) : painted(piece, style))).join('  ');
}

/** The line that stays after an epoch, at most `columns` wide. */
export function epochLine(report: EpochReport, style: LineStyle): string {
  const width = String(report.epochs).length;
  const evaluation = report.evaluation;
  const pieces: Piece[] = [
    ...labelPiece(style.label, 6),
    { text: `epoch ${String(report.epoch).padStart(width)}/${report.epochs}`, priority: 0, paint: 'bold' },
    ...trainPieces(report.blocks.at(-1), 1, 3),
    ...(evaluation === null ? [] : [{ text: `test ${formatPercent(evaluation.accuracy)}`, priority: 2, paint: 'green' } as const]),
    { text: formatDuration(report.seconds), priority: 4 },
    { text: formatRate(report.imagesPerSecond), priority: 5, paint: 'dim' },
    ...memoryPiece(report.peakTensorBytes, 7),
    ...(report.waiting >= 0.05
      ? [{ text: `waited for data ${formatPercent(report.waiting, 0)}`, priority: 8, paint: 'dim' } as const]
      : []),
  ];
  const kept = fit(pieces, style.columns);
  if (widthOf(kept) > style.columns) return truncate(kept.map((piece) => piece.text).join('  '), style.columns);
  return kept.map((piece) => painted(piece, style)).join('  ');
}

/** One line of a log that nobody redraws. */
export function loggedLine(report: ProgressReport, style: LineStyle): string {
  const share = report.batch / report.batches;
  const pieces: Piece[] = [
    ...labelPiece(style.label, 0),
    { text: `epoch ${report.epoch}/${report.epochs} ${formatPercent(share, 0).padStart(5)}`, priority: 0 },
    ...trainPieces(report.blocks.at(-1), 0, 0),
    { text: formatRate(report.imagesPerSecond), priority: 0 },
    ...memoryPiece(report.peakTensorBytes, 0),
    { text: `${formatDuration(report.secondsLeft)} left`, priority: 0 },
  ];
  return pieces.map((piece) => piece.text).join('  ');
}

/**
 * Losses of blocks as a row of bars, first block first: the lowest is `▁`, the highest `█`, what is not finite `!`.
 * Where there are more blocks than columns, neighbours share a bar (their mean).
 */
export function lossStrip(losses: readonly number[], columns: number): string {
  const bars = Math.max(1, Math.min(losses.length, columns));
  const means = Array.from({ length: bars }, (_, bar) => {
    const group = losses.slice(Math.floor((bar * losses.length) / bars), Math.floor(((bar + 1) * losses.length) / bars));
    return group.reduce((sum, loss) => sum + loss, 0) / group.length;
  });
  const finite = means.filter(Number.isFinite);
  const low = Math.min(...finite);
  const range = Math.max(...finite) - low;
  return means
    .map((mean) => {
      if (!Number.isFinite(mean)) return '!';
      return LEVELS[range > 0 ? Math.min(7, Math.floor((8 * (mean - low)) / range)) : 3];
    })
    .join('');
}

function labelPiece(label: string, priority: number): Piece[] {
  const text = truncate(plainLine(label), 32);
  return text === '' ? [] : [{ text, priority, paint: 'cyan' }];
}

function trainPieces(last: BlockMetrics | undefined, lossPriority: number, accuracyPriority: number): Piece[] {
  if (last === undefined) return [];
  const loss: Piece = {
    text: `loss ${formatLoss(last.loss)}`,
    priority: lossPriority,
    ...(Number.isFinite(last.loss) ? {} : { paint: 'red' }),
  };
  return last.accuracy === null ? [loss] : [loss, { text: `train ${formatPercent(last.accuracy)}`, priority: accuracyPriority }];
}

function memoryPiece(bytes: number, priority: number): Piece[] {
  return bytes > 0 ? [{ text: `peak ${formatBytes(bytes)}`, priority, paint: 'dim' }] : [];
}

/** Nothing for one block, and where there is room for so little that it would say nothing. */
function stripPiece(blocks: readonly BlockMetrics[], room: number, priority: number): Piece[] {
  if (blocks.length < 2 || room < Math.min(blocks.length, 6)) return [];
  const losses = blocks.map(({ loss }) => loss);
  return [{ text: lossStrip(losses, room), priority, paint: 'cyan' }];
}

function progressBar(share: number, columns: number, style: LineStyle): string {
  const full = Math.round(share * columns);
  const colors = pc.createColors(style.colors);
  return style.colors
    ? colors.green('━'.repeat(full)) + colors.dim('━'.repeat(columns - full))
    : '█'.repeat(full) + '░'.repeat(columns - full);
}

/** The pieces that fit, most important first, in their own order; at least one, whatever its width. */
function fit(pieces: readonly Piece[], columns: number): Piece[] {
  const kept = new Set<Piece>();
  for (const piece of [...pieces].sort((a, b) => a.priority - b.priority)) {
    if (kept.size === 0 || widthOf([...kept, piece]) <= columns) kept.add(piece);
  }
  return pieces.filter((piece) => kept.has(piece));
}

function widthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { text }) => sum + displayWidth(text) + 2, -2);
}

function painted({ text, paint }: Piece, style: LineStyle): string {
  return paint === undefined ? text : pc.createColors(style.colors)[paint](text);
}
