export type { Job, JobReport, JobState, Launcher, LaunchOptions, QueuedJob, QueueLauncher } from './launcher.ts';
export { type ProcessesOptions, processes, processesSchema, serial, threadsFor } from './processes.ts';
export { type SlurmOptions, slurm, slurmSchema } from './slurm.ts';
