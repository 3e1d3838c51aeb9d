import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job, JobReport } from './launcher.ts';
import { processes, serial, threadsFor } from './processes.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'man-launch-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const job = (name: string, program: string): Job => ({
  name,
  command: [process.execPath, '-e', program],
  log: join(folder, `${name}.log`),
});
const logOf = ({ log }: Job) => readFileSync(log, 'utf8');

/** What happened, as `name state`, in order. */
function recorder() {
  const seen: string[] = [];
  return { seen, onChange: ({ name }: Job, { state }: JobReport) => void seen.push(`${name} ${state}`) };
}

describe('graphics cards', () => {
  it('are dealt to the places, so that jobs side by side see different ones', async () => {
    const names = ['g1', 'g2', 'g3', 'g4'];
    const see = 'setTimeout(() => console.log(process.env.CUDA_VISIBLE_DEVICES), 300)';
    await processes({ jobs: 2, gpus: [3, 5] }).launch(names.map((name) => job(name, see)));
    const seen = names.map((name) => logOf(job(name, '')).trim());
    expect(seen.slice(0, 2).sort()).toEqual(['3', '5']);
    expect(seen.every((gpu) => ['3', '5'].includes(gpu))).toBe(true);
  });

  it('have numbers', () => {
    expect(() => processes({ gpus: [-1] })).toThrow('processes({ gpus })');
  });
});

describe('serial', () => {
  it('runs one after the other, in order, and goes on behind one that fails', async () => {
    const { seen, onChange } = recorder();
    const jobs = [job('a', 'console.log(1)'), job('b', 'console.error("no"); process.exit(3)'), job('c', '')];
    const reports = await serial().launch(jobs, { onChange });
    expect(seen).toEqual(['a running', 'a done', 'b running', 'b failed', 'c running', 'c done']);
    expect(reports.map(({ exitCode, problem }) => [exitCode, problem])).toEqual([
      [0, null],
      [3, 'ended with exit code 3'],
      [0, null],
    ]);
    expect(reports[0]?.place).toMatch(/^process \d+$/);
    expect([logOf(jobs[0]!), logOf(jobs[1]!)]).toEqual(['1\n', 'no\n']);
  });

  it('appends to logs, and hands arguments over as they are', async () => {
    const words = ['a b', `'"`, '$HOME', '`id`', 'ü\n2'];
    const one: Job = {
      ...job('args', ''),
      command: [process.execPath, '-e', 'console.log(JSON.stringify(process.argv.slice(1)))', ...words],
    };
    await serial().launch([one, one]);
    expect(logOf(one)).toBe(`${JSON.stringify(words)}\n`.repeat(2));
  });

  it('tells of programs that cannot be started and logs that cannot be written', async () => {
    const jobs: Job[] = [
      { ...job('none', ''), command: [join(folder, 'no-such-program')] },
      { ...job('nolog', ''), log: join(folder, 'nowhere', 'x.log') },
      job('fine', ''),
    ];
    const reports = await serial().launch(jobs);
    expect(reports.map(({ state }) => state)).toEqual(['failed', 'failed', 'done']);
    expect(reports.map(({ problem }) => problem)).toEqual([
      expect.stringContaining('could not be started: spawn'),
      expect.stringContaining('its log cannot be written: ENOENT'),
      null,
    ]);
  });

  it('names the signal that ended a job', async () => {
    const [report] = await serial().launch([job('killed', 'process.kill(process.pid, "SIGKILL")')]);
    expect(report).toMatchObject({ state: 'failed', exitCode: null, problem: 'was ended by SIGKILL' });
  });

  it('gives jobs their folder and environment', async () => {
    const one = job('where', 'console.log(process.cwd(), process.env.A, process.env.HOME)');
    await serial().launch([one], { cwd: folder, env: { A: '1' } });
    expect(logOf(one)).toBe(`${folder} 1 undefined\n`);
  });
});

describe('processes', () => {
  it('runs as many side by side as it is told, and no more', async () => {
    let [running, most] = [0, 0];
    const jobs = ['p', 'q', 'r', 's', 't'].map((name) => job(name, 'setTimeout(() => {}, 150)'));
    const reports = await processes({ jobs: 2 }).launch(jobs, {
      onChange: (_, { state }) => {
        running += state === 'running' ? 1 : -1;
        most = Math.max(most, running);
      },
    });
    expect(reports.map(({ state }) => state)).toEqual(jobs.map(() => 'done'));
    expect([running, most]).toEqual([0, 2]);
  });

  it('asks all to end when it is asked, waits for them, and starts no more', async () => {
    const polite =
      'process.on("SIGTERM", () => setTimeout(() => { console.log("saved"); process.exit(143); }, 100)); setInterval(() => {}, 99); console.log("up")';
    const jobs = ['x', 'y', 'z'].map((name) => job(name, polite));
    const stop = new AbortController();
    const { seen, onChange } = recorder();
    const ended = processes({ jobs: 2 }).launch(jobs, { signal: stop.signal, onChange });
    await until(() => seen.length === 2 && jobs.slice(0, 2).every((each) => logOf(each) === 'up\n'));
    stop.abort();
    expect((await ended).map(({ state, exitCode }) => [state, exitCode])).toEqual([
      ['stopped', 143],
      ['stopped', 143],
      ['waiting', null],
    ]);
    expect(jobs.slice(0, 2).map(logOf)).toEqual(['up\nsaved\n', 'up\nsaved\n']);
  });

  it('ends those at once that do not want to', async () => {
    const stubborn = job('stubborn', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 99); console.log("up")');
    const [stop, kill] = [new AbortController(), new AbortController()];
    const ended = processes().launch([stubborn], { signal: stop.signal, kill: kill.signal });
    await until(() => logOf(stubborn) === 'up\n');
    stop.abort();
    kill.abort();
    expect(await ended).toMatchObject([{ state: 'stopped', exitCode: null }]);
  });

  it('refuses a width that is none', () => {
    for (const jobs of [0, 1.5, Number.NaN])
      expect(() => processes({ jobs })).toThrow(expect.objectContaining({ code: 'MAN_LAUNCH_OPTION' }));
  });

  it('splits cores, and leaves each job one', () => {
    expect([threadsFor(1) >= threadsFor(2), threadsFor(10_000)]).toEqual([true, 1]);
  });
});

async function until(condition: () => boolean): Promise<void> {
  const isTrue = () => {
    try {
      return condition();
    } catch {
      return false;
    }
  };
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 10));
}
