import type { EpochReport, Run, TrainerPlugin } from '@man/core';
import { type RunInfo, type RunSummary, summarise } from './run-summary.ts';

/** A plugin that remembers a run. */
export interface History extends TrainerPlugin {
  /** The epochs so far, in the order of their reports. */
  readonly epochs: readonly EpochReport[];
  /** The run so far in numbers; `info` adds to and overrides what {@link history} was given. */
  summary(info?: Partial<RunInfo>): RunSummary;
}

/**
 * Collects the reports of a run's epochs; `summary()` may be called at any time, also after an interruption or an error.
 *
 * The seed is taken from the run. Resident memory is the high-water mark of the process at the end of the last epoch, so it tells runs
 * apart only where each has a process of its own.
 *
 * @example
 * ```ts
 * const log = history({ name: 'infopro-man', label: 'InfoPro + MAN', engine: 'tensorflow' });
 * // createTrainer({ …, plugins: [log] }), then after fit:
 * const summary = log.summary({ interrupted: false });
 * ```
 */
export function history(info: RunInfo): History {
  return new RunHistory(info);
}

/** A class, since the trainer refuses plugins with own members that it does not know. */
class RunHistory implements History {
  readonly name = 'history';
  readonly #info: RunInfo;
  readonly #epochs: EpochReport[] = [];
  #seed: number | string | null = null;
  #peakResidentBytes: number | null = null;

  constructor(info: RunInfo) {
    this.#info = info;
  }

  get epochs(): readonly EpochReport[] {
    return this.#epochs;
  }

  setup(run: Run): void {
    this.#seed = run.seed;
  }

  onEpochEnd(report: EpochReport): void {
    this.#epochs.push(report);
    // libuv reports kilobytes on every system.
    this.#peakResidentBytes = process.resourceUsage().maxRSS * 1024;
  }

  /** In a run that is resumed, the epochs before are part of its summary. */
  saveState(): { readonly epochs: readonly EpochReport[] } {
    return { epochs: this.#epochs };
  }

  loadState(state: unknown): void {
    const { epochs } = state as { readonly epochs?: unknown };
    if (!Array.isArray(epochs)) return;
    this.#epochs.splice(0, this.#epochs.length, ...(epochs as EpochReport[]));
  }

  summary(info: Partial<RunInfo> = {}): RunSummary {
    return summarise(this.#epochs, { seed: this.#seed, peakResidentBytes: this.#peakResidentBytes, ...this.#info, ...info });
  }
}
