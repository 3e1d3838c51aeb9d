export type { Job, JobReport, JobState, Launcher, LaunchOptions } from './launcher.ts';
export { type ProcessesOptions, processes, processesSchema, serial, threadsFor } from './processes.ts';
