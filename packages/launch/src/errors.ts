import { ManError } from '@man/base';

export const badOption = (what: string, expected: string, got: unknown) =>
  new ManError(`${what}: expected ${expected}, got ${JSON.stringify(got) ?? String(got)}`, {
    code: 'MAN_LAUNCH_OPTION',
    hint: 'correct the option; the README of @man/launch lists them all',
  });

export const noSlurm = (program: string, cause: unknown) =>
  new ManError(`expected Slurm's commands on this machine, but ${program} is not there`, {
    code: 'MAN_LAUNCH_NO_SLURM',
    hint: 'run this on a login node of the cluster, or use processes() here',
    cause,
  });

export const slurmFailed = (command: string, said: string) =>
  new ManError(`${command} failed: ${said}`, {
    code: 'MAN_LAUNCH_SLURM',
    hint: 'these are the words of Slurm; sinfo lists partitions and nodes. Jobs that were handed over before are not affected',
  });
