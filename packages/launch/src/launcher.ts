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
  /** Told of every change, in order; the first report of a job is that it runs or, of a queue, that it waits in a place. */
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

/** A job that was handed to a queue, and how it was when last looked at. */
export interface QueuedJob {
  readonly job: Job;
  readonly report: JobReport;
}

/** A launcher whose jobs outlive the process that launched them. */
export interface QueueLauncher extends Launcher {
  /** Hands jobs over, and does not wait. @returns their reports, with the places that {@link QueueLauncher.look} finds them by */
  submit(jobs: readonly Job[], options?: Pick<LaunchOptions, 'cwd'>): Promise<readonly JobReport[]>;
  /**
   * Looks at them again and again until all are over.
   *
   * @param options `signal` ends the waiting, not the jobs; `onChange` is told of changes since the reports that are handed in
   */
  watch(jobs: readonly QueuedJob[], options?: Pick<LaunchOptions, 'signal' | 'onChange'>): Promise<readonly JobReport[]>;
  /** How jobs are now; those that were never handed over, and those that are over, stay as they were. */
  look(jobs: readonly QueuedJob[]): Promise<readonly JobReport[]>;
  /** Ends jobs that wait or run; they are asked first, as by {@link LaunchOptions.signal}. */
  cancel(jobs: readonly QueuedJob[]): Promise<void>;
}
