import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Job, JobReport } from './launcher.ts';
import { ranges, slurm, submitArgs } from './slurm.ts';
import { slurmScript } from './slurm-script.ts';
import { ending, liveState } from './slurm-states.ts';

let folder: string;
const path = process.env.PATH;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'man-slurm-'));
});
afterAll(() => {
  process.env.PATH = path;
  rmSync(folder, { recursive: true, force: true });
});

const job = (name: string, ...command: string[]): Job => ({ name, command: ['echo', ...command], log: join(folder, `${name}.log`) });

/** Stands in for Slurm: notes what it is told, and says what a file says. */
function fake(program: string, answer = '', code = 0): void {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, `${program}.answer`), answer);
  const text = `#!/bin/sh\nfor word; do printf '%s\\n' "$word"; done >'${bin}/${program}.told'\ncat '${bin}/${program}.answer'\nexit ${code}\n`;
  writeFileSync(join(bin, program), text);
  chmodSync(join(bin, program), 0o755);
  process.env.PATH = `${bin}:/usr/bin:/bin`;
}
const told = (program: string) =>
  readFileSync(join(folder, 'bin', `${program}.told`), 'utf8')
    .trimEnd()
    .split('\n');

describe('submitArgs', () => {
  it('says what was asked for, one word each', () => {
    const options = { partition: 'gpu', account: 'a b', qos: null, gpusPerJob: 2, cpusPerJob: 4, memory: '16G', timeLimit: '1-00:00:00' };
    const args = submitArgs(
      { ...options, jobs: 3, requeue: false, extra: ['--constraint=a100'] },
      ['0', '1', '2', '7'].map((name) => job(name)),
      '/a b',
    );
    expect(args).toEqual([
      '--parsable',
      expect.stringMatching(/^--job-name=man-slurm-\w+$/),
      '--array=0-2,7%3',
      '--chdir=/a b',
      `--output=${folder}/%a.log`,
      '--open-mode=append',
      '--no-requeue',
      '--signal=B:USR1@120',
      '--gres=gpu:2',
      '--partition=gpu',
      '--account=a b',
      '--cpus-per-task=4',
      '--mem=16G',
      '--time=1-00:00:00',
      '--constraint=a100',
    ]);
  });

  it('asks for nothing that was not said, and names no pattern of Slurm by accident', () => {
    expect(submitArgs({}, [{ ...job('0'), log: '/x/50%a/0.log' }], '/')).toEqual([
      '--parsable',
      '--job-name=50%a',
      '--array=0',
      '--chdir=/',
      '--output=/x/50%%a/%a.log',
      '--open-mode=append',
      '--requeue',
    ]);
  });

  it('writes many numbers as ranges', () => {
    expect([ranges([4]), ranges([3, 1, 2]), ranges([0, 1, 3, 5, 6, 7])]).toEqual(['4', '1-3', '0-1,3,5-7']);
  });
});

describe('ending', () => {
  it.each([
    ['COMPLETED', 0, 'done', null],
    ['COMPLETED', null, 'done', null],
    [undefined, 0, 'done', null],
    ['FAILED', 3, 'failed', 'ended with exit code 3'],
    [undefined, 143, 'failed', 'ended with exit code 143'],
    ['CANCELLED', 143, 'stopped', 'was cancelled'],
    ['TIMEOUT', null, 'failed', 'was ended at its time limit'],
    ['OUT_OF_MEMORY', null, 'failed', expect.stringContaining('memory')],
    ['NODE_FAIL', null, 'failed', 'its node was lost'],
    [undefined, null, 'failed', expect.stringContaining('without an exit code')],
  ])('reads %s with exit code %s as %s', (word, code, state, problem) => {
    expect(ending(word, code)).toMatchObject({ state, problem });
  });

  it('knows which tasks are still to come', () => {
    const words = ['PENDING', 'REQUEUED', 'RUNNING', 'COMPLETING', 'COMPLETED', 'CANCELLED', undefined];
    expect(words.map(liveState)).toEqual(['waiting', 'waiting', 'running', 'running', null, null, null]);
  });
});

describe('the batch script', () => {
  /** Runs it as Slurm would, as number `name` of the array. */
  function run(jobs: readonly Job[], name: string, restarts = 3) {
    const exitFile = ({ name: number }: Job) => join(folder, `${number}.exit`);
    writeFileSync(join(folder, 'array.sh'), slurmScript({ jobs, exitFile, restarts }));
    const env = { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, SLURM_ARRAY_TASK_ID: name, SLURM_ARRAY_JOB_ID: '17' };
    const ended = new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
      const child = execFile('/bin/sh', [join(folder, 'array.sh')], { env }, (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, stdout, stderr }),
      );
      pid = child.pid as number;
    });
    return ended;
  }
  let pid = 0;
  const codeOf = (name: string) => readFileSync(join(folder, `${name}.exit`), 'utf8');
  beforeEach(() => rmSync(join(folder, '5.exit.late'), { force: true }));

  it('runs the command of its number, with words as they are', async () => {
    const words = ['a b', `'"`, '$HOME', '`id`', '*', 'ü\n2', '-n', '\\'];
    const jobs = [
      job('0', 'no'),
      { ...job('12'), command: [process.execPath, '-p', 'JSON.stringify(process.argv.slice(1))', '--', ...words] as const },
    ];
    expect(await run(jobs, '12')).toEqual({ code: 0, stdout: `${JSON.stringify(words)}\n`, stderr: '' });
    expect(codeOf('12')).toBe('0\n');
  });

  it('keeps the exit code, and takes away an older one first', async () => {
    writeFileSync(join(folder, '3.exit'), '0\n');
    expect(await run([{ ...job('3'), command: ['sh', '-c', `test ! -e ${folder}/3.exit && exit 7`] }], '3')).toMatchObject({ code: 7 });
    expect(codeOf('3')).toBe('7\n');
    expect(await run([job('3')], '4')).toMatchObject({ code: 1 });
  });

  const polite: Job = {
    name: '5',
    command: ['sh', '-c', 'trap "echo saved; exit 143" TERM; echo up; while :; do sleep 0.05; done'],
    log: '',
  };
  const signalled = async (signal: NodeJS.Signals, restarts: number) => {
    const ended = run([polite], '5', restarts);
    await new Promise((resolve) => setTimeout(resolve, 500));
    process.kill(pid, signal);
    return ended;
  };

  it('asks the program to end before the time limit, and hands the job in again', async () => {
    fake('scontrol', '', 1);
    expect(await signalled('SIGUSR1', 1)).toMatchObject({ stdout: 'up\nsaved\n' });
    expect(told('scontrol')).toEqual(['requeue', '17_5']);
    rmSync(join(folder, 'bin', 'scontrol.told'));
    // The second time is beyond the one restart that was allowed.
    expect(await signalled('SIGUSR1', 1)).toMatchObject({ code: 143, stdout: 'up\nsaved\n' });
    expect([existsSync(join(folder, 'bin', 'scontrol.told')), codeOf('5')]).toEqual([false, '143\n']);
  });

  it('outlives a SIGTERM, which Slurm sends the program as well', async () => {
    const ended = run([{ ...polite, command: ['sh', '-c', 'echo up; sleep 1; exit 4'] }], '5');
    await new Promise((resolve) => setTimeout(resolve, 400));
    process.kill(pid, 'SIGTERM');
    expect(await ended).toMatchObject({ code: 4 });
    expect(codeOf('5')).toBe('4\n');
  });
});

describe('slurm', () => {
  const jobs = () => [job('0'), job('1'), job('2')];
  const exit = (name: string, code: number) => writeFileSync(join(folder, 'slurm', `${name}.exit`), `${code}\n`);
  beforeEach(() => {
    fake('sbatch', '17;cluster\n');
    fake('squeue');
    fake('sacct');
    fake('scancel');
  });

  it('hands all in as one array, and looks until all are over', async () => {
    fake('squeue', '17_0|RUNNING\n17_1|PENDING\n17_2|PENDING\n9_1|RUNNING\n');
    const seen: string[] = [];
    const ended = slurm({ pollSeconds: 0.05 }).launch(jobs(), {
      onChange: ({ name }: Job, { state, place }: JobReport) => void seen.push(`${name} ${state} ${place}`),
    });
    await until(() => seen.length >= 4);
    exit('0', 0);
    exit('1', 1);
    fake('squeue', '17_0|COMPLETED\n17_1|FAILED\n');
    fake('sacct', '17_2|CANCELLED by 0\n');
    expect((await ended).map(({ state, exitCode }) => [state, exitCode])).toEqual([
      ['done', 0],
      ['failed', 1],
      ['stopped', null],
    ]);
    expect(seen).toEqual([
      ...['0', '1', '2'].map((name) => `${name} waiting Slurm 17_${name}`),
      '0 running Slurm 17_0',
      '0 done Slurm 17_0',
      '1 failed Slurm 17_1',
      '2 stopped Slurm 17_2',
    ]);
    expect(told('sbatch').at(-1)).toBe(join(folder, 'slurm', 'array.sh'));
    expect(told('sacct')).toContain('--jobs=17_2');
  });

  it('finds tasks that were cancelled before they began', async () => {
    // As Slurm 22.05 lists an array of which only the first task has begun.
    fake('squeue', '17|CANCELLED\n17_0|CANCELLED\n');
    expect((await slurm({ pollSeconds: 0.05 }).launch(jobs())).map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped']);
  });

  it('forgets how an earlier attempt ended', async () => {
    mkdirSync(join(folder, 'slurm'), { recursive: true });
    exit('0', 0);
    await slurm().submit(jobs());
    expect(existsSync(join(folder, 'slurm', '0.exit'))).toBe(false);
  });

  it('leaves the jobs alone when it is to wait no longer', async () => {
    fake('squeue', '17_0|RUNNING\n17_1|PENDING\n17_2|PENDING\n');
    const stop = new AbortController();
    const ended = slurm({ pollSeconds: 0.05 }).launch(jobs(), {
      signal: stop.signal,
      onChange: (_, { state }) => state === 'running' && stop.abort(),
    });
    expect((await ended).map(({ state }) => state)).toEqual(['running', 'waiting', 'waiting']);
    expect(existsSync(join(folder, 'bin', 'scancel.told'))).toBe(false);
  });

  it('cancels what it is told, and no more', async () => {
    const reports = await slurm().submit(jobs());
    await slurm().cancel(jobs().map((each, i) => ({ job: each, report: i === 1 ? { ...reports[i]!, place: null } : reports[i]! })));
    expect(told('scancel')).toEqual(['17_0', '17_2']);
  });

  it('goes on when the controller is away for a while', async () => {
    fake('squeue', '', 1);
    const ended = slurm({ pollSeconds: 0.05 }).launch([job('0')]);
    await until(() => existsSync(join(folder, 'bin', 'squeue.told')));
    fake('squeue', '17_0|COMPLETED\n');
    expect(await ended).toMatchObject([{ state: 'done' }]);
  });

  it('passes on what Slurm says', async () => {
    writeFileSync(
      join(folder, 'bin', 'sbatch'),
      '#!/bin/sh\necho "sbatch: error: invalid partition specified: gpuu" >&2\necho "sbatch: error: Batch job submission failed: Invalid partition name specified" >&2\nexit 1\n',
    );
    await expect(slurm().submit(jobs())).rejects.toMatchObject({
      code: 'MAN_LAUNCH_SLURM',
      message: 'sbatch failed: invalid partition specified: gpuu; Batch job submission failed: Invalid partition name specified',
    });
    process.env.PATH = join(folder, 'empty');
    await expect(slurm().submit(jobs())).rejects.toMatchObject({ code: 'MAN_LAUNCH_NO_SLURM' });
  });

  it.each([[{ name: 'a' }], [{ name: '01' }], [{ name: '0', log: '/elsewhere/0.out' }], [{ name: '0', log: '/back\\slash/0.log' }]])(
    'refuses a job like %j',
    async (changes) => {
      await expect(slurm().submit([{ ...job('0'), ...changes }])).rejects.toMatchObject({ code: 'MAN_LAUNCH_OPTION' });
    },
  );

  it('refuses options that are none', () => {
    expect(() => slurm({ extra: ['-p gpu'] })).toThrow(expect.objectContaining({ code: 'MAN_LAUNCH_OPTION' }));
    expect(() => slurm({ pollSeconds: 0 })).toThrow(expect.objectContaining({ code: 'MAN_LAUNCH_OPTION' }));
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}
