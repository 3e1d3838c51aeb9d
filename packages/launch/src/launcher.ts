/** A program to run. */
export interface Job {
  /** Tells it from the others; for Slurm, its number in the array: `'0'`, `'1'`, … */
  readonly name: string;
  /** The program and its arguments, as they are: no shell reads them. */
  readonly command: readonly [program: string, ...args: string[]];
  /** The file that everything it prints is appended to. */
  readonly log: string;
}

/** `stopped` was asked to end, and did; `waiting` has not begun. */
export type JobState = 'waiting' | 'running' | 'done' | 'failed' | 'stopped';

/** How a job is. */
export interface JobReport {
  readonly state: JobState;
  /** Null while it runs, and where a signal ended it. */
  readonly exitCode: number | null;
  /** Why it failed or was stopped, in words that fit behind its name. */
  readonly problem: string | null;
  /** Where it runs or ran: `process 4711`, `Slurm 17_3`. */
  readonly place: string | null;
}

/** What {@link Launcher.launch} can be told. */
export interface LaunchOptions {
  /** Asks the jobs to end, and starts no more of them. */
  readonly signal?: AbortSignal;
  /** Ends the jobs at once. */
  readonly kill?: AbortSignal;
  /** Told of every change, in order; a job's first report is that it runs. */
  readonly onChange?: (job: Job, report: JobReport) => void;
  /** The folder all run in; default the present one. */
  readonly cwd?: string;
  /** Their environment; default that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Runs jobs somewhere. */
export interface Launcher {
  readonly name: string;
  /**
   * Runs all jobs. One that fails does not stop the others, and is no error of the launcher.
   *
   * @returns how each ended, in the order of `jobs`
   */
  launch(jobs: readonly Job[], options?: LaunchOptions): Promise<readonly JobReport[]>;
}

/** How a job is before anything has happened to it. */
export const WAITING: JobReport = { state: 'waiting', exitCode: null, problem: null, place: null };
