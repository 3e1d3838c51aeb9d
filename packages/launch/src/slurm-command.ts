import { execFile } from 'node:child_process';
import { noSlurm, slurmFailed } from './errors.ts';

/** A minute: a controller under load answers late, and one that is away never. */
const TIMEOUT_MS = 60_000;

/**
 * Runs a command of Slurm. Its words are handed over one by one; no shell reads them.
 *
 * @returns what it printed
 * @throws `MAN_LAUNCH_NO_SLURM`, `MAN_LAUNCH_SLURM`
 */
export function slurmCommand(program: 'sbatch' | 'squeue' | 'sacct' | 'scancel', args: readonly string[]): Promise<string> {
  // Dates and numbers as this reads them, whatever the user's language.
  const env = { ...process.env, LC_ALL: 'C' };
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { timeout: TIMEOUT_MS, maxBuffer: 1 << 26, env }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if ((error as NodeJS.ErrnoException).code === 'ENOENT') reject(noSlurm(program, error));
      else reject(slurmFailed(program, said(stderr) || (error.killed === true ? `no answer in ${TIMEOUT_MS / 1000} s` : error.message)));
    });
  });
}

/** Its lines, without the name of the program before them. */
function said(stderr: string): string {
  return stderr
    .trim()
    .split('\n')
    .map((line) => line.replace(/^\w+: (error: )?/, ''))
    .join('; ');
}
