import type { Job } from './launcher.ts';

/** Signal that Slurm sends the script before the time limit; what it means is the script's business. */
export const LATE_SIGNAL = 'USR1';

/** What the script is made of. */
export interface SlurmScript {
  readonly jobs: readonly Job[];
  /** The file that takes the exit code of a job. */
  readonly exitFile: (job: Job) => string;
  /** How often a job goes on in a new time limit. */
  readonly restarts: number;
}

/**
 * The batch script of an array job: it runs the command whose job's name is the number in the array, and writes down how it ended.
 *
 * Slurm sends SIGTERM to the script and to the program, when a job is cancelled or preempted: the program ends by itself, and the script waits
 * for it. Before the time limit it signals the script alone, which asks the program to end and hands the job in again.
 */
export function slurmScript({ jobs, exitFile, restarts }: SlurmScript): string {
  const cases = jobs.map(
    (job) => `${job.name})\n  exit_file=${quoted(exitFile(job))}\n  set -- ${job.command.map(quoted).join(' ')}\n  ;;`,
  );
  return `#!/bin/sh
case "$SLURM_ARRAY_TASK_ID" in
${cases.join('\n')}
*) exit 1 ;;
esac
rm -f "$exit_file"
is_late=no
trap ':' TERM
trap 'is_late=yes; kill -TERM "$program" 2>/dev/null' ${LATE_SIGNAL}
"$@" &
program=$!
# A signal ends the waiting, not the program.
while :; do
  wait "$program"
  code=$?
  kill -0 "$program" 2>/dev/null || break
done
if [ "$is_late" = yes ] && [ "$code" -ne 0 ]; then
  # Slurm counts restarts too, but those after a preemption with them.
  echo late >>"$exit_file.late"
  # Ends this script, too.
  [ "$(wc -l <"$exit_file.late")" -le ${restarts} ] && scontrol requeue "\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}" && sleep 600
fi
echo "$code" >"$exit_file"
exit "$code"
`;
}

/** A word that a shell takes as it is. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
