export { type Check, type CheckState, type Diagnosis, type DoctorOptions, doctor } from './doctor.ts';
export { install } from './install.ts';
export type { Probe } from './probe.ts';
export { type Status, status } from './status.ts';
export type {
  InstallOptions,
  InstallPhase,
  InstallProgress,
  InstallResult,
  KernelsStamp,
  LibraryChoice,
  LibraryVariant,
  LocateOptions,
  Stamp,
} from './types.ts';
export { type UninstallOptions, type UninstallResult, uninstall } from './uninstall.ts';
export { TENSORFLOW_VERSION } from './wheels.ts';
