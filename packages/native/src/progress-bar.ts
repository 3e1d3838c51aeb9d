import type { InstallProgress } from './types.ts';

/** Where the bar is drawn: standard error, in a command line. */
export interface BarTarget {
  readonly isTTY: boolean;
  readonly columns: number;
  write(text: string): void;
}

/** Draws progress; `end` leaves the cursor on a fresh line. */
export interface ProgressBar {
  update(progress: InstallProgress): void;
  end(): void;
}

const WIDTH = 24;
const REDRAW_MS = 80;

/**
 * A bar that draws one line over and over on a terminal, and a line per ten per cent elsewhere.
 *
 * @param now clock in milliseconds
 */
export function progressBar(target: BarTarget, now: () => number = () => performance.now()): ProgressBar {
  let phase = '';
  let started = 0;
  let firstDone = 0;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let tenth = -1;
  let open = false;
  const finishLine = () => {
    if (open) target.write('\n');
    open = false;
  };
  const begin = (progress: InstallProgress) => {
    finishLine();
    phase = progress.phase + progress.message;
    started = now();
    firstDone = progress.done ?? 0;
    drawnAt = Number.NEGATIVE_INFINITY;
    tenth = -1;
    if (progress.total === undefined) target.write(`${progress.message}\n`);
  };
  return {
    update(progress) {
      if (progress.phase + progress.message !== phase) begin(progress);
      const { done, total } = progress;
      if (done === undefined || total === undefined || total === 0) return;
      const finished = done >= total;
      if (target.isTTY) {
        if (!finished && now() - drawnAt < REDRAW_MS) return;
        drawnAt = now();
        target.write(
          `\r\u001b[2K${line(progress.message, done, total, remaining(done - firstDone, total - done, now() - started), target.columns)}`,
        );
        open = true;
      } else if (Math.floor((done / total) * 10) > tenth) {
        tenth = Math.floor((done / total) * 10);
        target.write(`${progress.message}: ${tenth * 10} % of ${megabytes(total)} MB\n`);
      }
    },
    end: finishLine,
  };
}

function line(message: string, done: number, total: number, left: string, columns: number): string {
  const part = done / total;
  const full = Math.round(part * WIDTH);
  const numbers = `${String(Math.floor(part * 100)).padStart(3)} %  ${megabytes(done)}/${megabytes(total)} MB${left}`;
  const bar = `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)}`;
  // A line that wraps cannot be drawn over.
  const fitting = [`${message}  ${bar} ${numbers}`, `${message}  ${numbers}`, numbers].find((text) => text.length < columns);
  return fitting ?? numbers.slice(0, Math.max(0, columns - 1));
}

function remaining(gained: number, left: number, elapsedMs: number): string {
  if (left <= 0 || gained <= 0 || elapsedMs < 1000) return '';
  const seconds = Math.ceil((left * elapsedMs) / gained / 1000);
  return seconds < 60 ? `, ${seconds} s left` : `, ${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s left`;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
