import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Job, type JobReport, type SlurmOptions, slurm } from '@man/launch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hurry, type OneNodeSlurm, startOneNodeSlurm, until, whyNoSlurm } from './one-node.ts';

const missing = whyNoSlurm();
const title = 'slurm() on a real one-node Slurm';

describe.skipIf(missing !== null)(missing === null ? title : `${title}, skipped: ${missing}`, { timeout: 300_000 }, () => {
  let cluster: OneNodeSlurm;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "man slurm 50%a '"));
    cluster = await startOneNodeSlurm();
    Object.assign(process.env, cluster.env);
  });
  afterAll(async () => {
    await cluster?.stop();
    for (const name of Object.keys(cluster?.env ?? {})) delete process.env[name];
    rmSync(folder, { recursive: true, force: true });
  });

  /** Counts its starts in its log; told to end, says that it saves, and ends with 143. */
  const job = (name: string, program: string): Job => {
    const start = `process.on('SIGTERM', () => { console.log('saved'); process.exit(143); }); console.log('start');`;
    return { name, command: [process.execPath, '-e', `${start} ${program}`], log: join(folder, `${name}.log`) };
  };
  const logOf = (name: string) => {
    try {
      return readFileSync(join(folder, `${name}.log`), 'utf8');
    } catch {
      return '';
    }
  };
  const launch = (options: SlurmOptions, jobs: readonly Job[]) => {
    const seen: { name: string; report: JobReport }[] = [];
    const ended = slurm({ pollSeconds: 1, ...options }).launch(jobs, { onChange: ({ name }, report) => void seen.push({ name, report }) });
    return { seen, ended };
  };
  const client = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: 'utf8' });

  it('runs an array, in the folder it was launched in; one that fails does not stop the others', async () => {
    const jobs = [job('0', 'console.log(process.cwd())'), job('3', 'process.exit(5)'), job('4', '')];
    const { seen, ended } = launch({ partition: 'main', jobs: 2, gpusPerJob: 1, cpusPerJob: 1, memory: '100M', timeLimit: '10' }, jobs);
    expect((await ended).map(({ state, exitCode, problem }) => [state, exitCode, problem])).toEqual([
      ['done', 0, null],
      ['failed', 5, 'ended with exit code 5'],
      ['done', 0, null],
    ]);
    expect(logOf('0')).toBe(`start\n${process.cwd()}\n`);
    expect(seen[0]?.report).toMatchObject({ state: 'waiting', place: expect.stringMatching(/^Slurm \d+_0$/) });
  });

  it('lets a job that is cancelled end by itself', async () => {
    const { ended } = launch({}, [job('10', 'setInterval(() => {}, 1000)'), job('11', 'setTimeout(() => {}, 3000)')]);
    await until(() => logOf('10') === 'start\n' && logOf('11') === 'start\n');
    const id = /(\d+)_10\|RUNNING/.exec(client('squeue', '--array', '--noheader', '--format=%i|%T'))?.[1];
    client('scancel', `${id}_10`);
    expect((await ended).map(({ state, problem }) => [state, problem])).toEqual([
      ['stopped', 'was cancelled'],
      ['done', null],
    ]);
    expect(logOf('10')).toMatch(/^start\n[\s\S]*CANCELLED[\s\S]*saved\n$/);
  });

  it('cancels, and tells so', async () => {
    const launcher = slurm();
    const jobs = [job('20', 'setInterval(() => {}, 1000)')];
    const [report] = await launcher.submit(jobs);
    await until(() => logOf('20') === 'start\n');
    expect(await launcher.look([{ job: jobs[0]!, report: report! }])).toMatchObject([{ state: 'running' }]);
    await launcher.cancel([{ job: jobs[0]!, report: report! }]);
    await until(async () => (await launcher.look([{ job: jobs[0]!, report: report! }]))[0]?.state === 'stopped');
    expect(logOf('20')).toContain('saved\n');
  });

  it('runs a preempted job again, with the same command', async () => {
    // Begun a second time, it ends by itself.
    const log = JSON.stringify(join(folder, '30.log'));
    const twice = `if (require('node:fs').readFileSync(${log}, 'utf8').split('start').length > 2) setTimeout(() => process.exit(0), 3000); else setInterval(() => {}, 1000)`;
    const { seen, ended } = launch({ cpusPerJob: 2 }, [job('30', twice)]);
    await until(() => logOf('30') === 'start\n');
    client('sbatch', '--partition=urgent', '--ntasks=2', '--output=/dev/null', '--wrap=sleep 2');
    await hurry(cluster, '30');
    expect(await ended).toMatchObject([{ state: 'done', exitCode: 0 }]);
    expect(logOf('30')).toMatch(/^start\n[\s\S]*PREEMPTION[\s\S]*saved\n[\s\S]*start\n$/);
    expect(seen.map(({ report }) => report.state)).toEqual(['waiting', 'running', 'waiting', 'running', 'done']);
  });

  it('hands a job in again before its time limit, and only so often', async () => {
    // The limit is two minutes, and so is the time before it: it is asked to end at once.
    const { ended } = launch({ timeLimit: '2', restarts: 1 }, [job('40', 'setInterval(() => {}, 1000)')]);
    await hurry(cluster, '40');
    expect(await ended).toMatchObject([{ state: 'failed', exitCode: 143, problem: 'ended with exit code 143' }]);
    expect(logOf('40').match(/start\n/g)).toHaveLength(2);
    expect(logOf('40').match(/saved\n/g)).toHaveLength(2);
  });

  it('passes on why Slurm takes no job', async () => {
    await expect(slurm({ partition: 'none' }).submit([job('50', '')])).rejects.toMatchObject({
      code: 'MAN_LAUNCH_SLURM',
      message: expect.stringContaining('nvalid partition'),
    });
  });
});
