import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import { readSummary } from '@man/track';
import { describe, expect, it } from 'vitest';
import { planSweep } from './sweep-plan.ts';
import { shareOf, timeLeft } from './sweep-progress.ts';
import { isOwned, keepRecord, readRecord, reported, type SweepRecord, waitingRun } from './sweep-record.ts';
import { groupsOf } from './sweep-report.ts';
import { exampleResult } from './testing.ts';
import { programIn } from './testing-program.ts';

const { folder, run } = programIn('sweep');
const smoke = ['experiment=smoke', 'data.workers=0', 'loss=e2e', 'plugin=none', 'partition.blocks=1'];

describe('planSweep', () => {
  it('lists every combination; how it is run is no part of the runs', async () => {
    const { jobs, config } = await planSweep(['seed=1,2', 'launcher=processes', 'loss=dgl,infopro', 'launcher.jobs=3', 'threads=1']);
    expect(jobs.map(({ overrides }) => overrides.join(' '))).toEqual([
      'seed=1 loss=dgl threads=1',
      'seed=1 loss=infopro threads=1',
      'seed=2 loss=dgl threads=1',
      'seed=2 loss=infopro threads=1',
    ]);
    expect(config.launcher).toEqual({ type: 'processes', jobs: 3, gpus: [] });
  });

  it('splits the cores between runs side by side, before what was typed', async () => {
    const { jobs } = await planSweep(['seed=1,2', 'launcher=processes', 'launcher.jobs=8']);
    const threads = Math.max(1, Math.floor(availableParallelism() / 2));
    expect(jobs[1]).toEqual({ overrides: [`threads=${threads}`, 'seed=2'], varied: ['seed=2'] });
  });

  it('draws at random where it is told to', async () => {
    const { jobs } = await planSweep(['sweeper=random', 'sweeper.trials=5', 'optimizer.weightDecay=interval(1e-5,1e-3,log)']);
    expect(new Set(jobs.map(({ varied }) => varied[0])).size).toBe(5);
  });

  it.each([
    [['seed=1,2', 'loss=dgl,infopor'], 'MAN_REPRODUCE_SWEEP_RUN', 'run 1 of the 4 (seed=1 loss=infopor)'],
    [['train.epochs=1,0'], 'MAN_REPRODUCE_SWEEP_RUN', 'train.epochs'],
    [['launcher.jobs=1,2'], 'MAN_REPRODUCE_SWEEP', 'launcher.jobs'],
    [['launcher=serial,processes'], 'MAN_REPRODUCE_SWEEP', 'launcher'],
    [['seed=1,2', 'run.dir=x'], 'MAN_REPRODUCE_SWEEP', 'run.dir=x'],
    [['launcher=proceses'], 'MAN_CONFIG_UNKNOWN_OPTION', 'proceses'],
    [['launcher.jobs=2', 'seed=1,2'], 'MAN_CONFIG_INVALID', 'launcher.jobs'],
    [['seed=interval(1,2)'], 'MAN_CONFIG_SWEEP', 'interval'],
  ])('refuses %j before anything runs', async (words, code, mention) => {
    await expect(planSweep(words)).rejects.toMatchObject({ code, message: expect.stringContaining(mention) });
  });
});

describe('timeLeft', () => {
  it('takes the pace since this began', () => {
    // Of 10 runs 4 were over before; 2 and a half more in 100 seconds leave three and a half.
    expect(timeLeft({ total: 10, before: 4, done: 6.5, seconds: 100 })).toBe(140);
    expect(timeLeft({ total: 10, before: 4, done: 4, seconds: 100 })).toBeNull();
    expect(timeLeft({ total: 2, before: 0, done: 2, seconds: 9 })).toBe(0);
  });
});

describe('shareOf', () => {
  it('looks at both ends of a long event file', async () => {
    const file = join(folder, 'events.jsonl');
    expect(await shareOf(file)).toBeNull();
    writeFileSync(file, '{"type":"start","header":{"plannedSteps":8000}}\n');
    expect(await shareOf(file)).toBeNull();
    for (let step = 1; step <= 6000; step++) appendFileSync(file, `{"type":"step","step":${step},"epoch":1,"loss":[1.234567,1.234567]}\n`);
    appendFileSync(file, '{"type":"epoch","epoch":1,"step":1}\n{"type":"st');
    expect(await shareOf(file)).toBe(0.75);
  });
});

describe('sweep.json', () => {
  const first: SweepRecord = {
    version: 1,
    typed: ['seed=1,2'],
    how: [],
    launcher: 'serial',
    started: '2025-01-01T00:00:00.000Z',
    cwd: '/',
    owner: null,
    runs: ['1', '2'].map((seed, i) => waitingRun(String(i), [`seed=${seed}`], [`seed=${seed}`])),
  };

  it('follows the runs, and is read as it was written', async () => {
    const place = mkdtempSync(join(folder, 'record-'));
    const keeper = await keepRecord(place, first);
    expect(await readRecord(place)).toEqual(first);
    const running = reported(first.runs[1]!, { state: 'running', exitCode: null, problem: null, place: 'process 1' }, new Date(1e12));
    keeper.change(running);
    keeper.change(reported(running, { state: 'failed', exitCode: 1, problem: 'no', place: 'process 1' }, new Date(1e12 + 5000)));
    await keeper.flush();
    const { runs } = await readRecord(place);
    expect(runs[0]).toEqual(first.runs[0]);
    expect(runs[1]).toMatchObject({ state: 'failed', exitCode: 1, problem: 'no', started: '2001-09-09T01:46:40.000Z' });
    expect(readdirSync(place)).toEqual(['sweep.json']);
  });

  it.each([
    ['{', 'it is not JSON'],
    ['[]', 'it is not JSON with an object'],
    [JSON.stringify({ ...first, version: 2 }), 'expected version 1, got 2'],
    [JSON.stringify({ ...first, typed: [3] }), 'a member is missing'],
    [JSON.stringify({ ...first, owner: { host: 'x', pid: '1' } }), 'a member is missing'],
    [JSON.stringify({ ...first, runs: [{ ...first.runs[0], name: '../../x' }] }), 'runs[0] is no run'],
    [JSON.stringify({ ...first, runs: [{ ...first.runs[0], state: 'gone' }] }), 'runs[0] is no run'],
  ])('is refused where it is %s', async (text, problem) => {
    const place = mkdtempSync(join(folder, 'damaged-'));
    writeFileSync(join(place, 'sweep.json'), text);
    await expect(readRecord(place)).rejects.toMatchObject({ code: 'MAN_REPRODUCE_SWEEP_FILE', message: expect.stringContaining(problem) });
    await expect(readRecord(join(place, 'nowhere'))).rejects.toMatchObject({ code: 'MAN_REPRODUCE_NOT_A_SWEEP' });
  });
});

describe('isOwned', () => {
  it('asks whether the process is there; on another machine it may be', () => {
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    const owner = (pid: number, host = hostname()) => ({ owner: { pid, host } });
    expect([{ owner: null }, owner(process.pid), owner(process.ppid), owner(gone), owner(1, 'elsewhere')].map(isOwned)).toEqual([
      false,
      false,
      true,
      false,
      true,
    ]);
  });
});

describe('groupsOf', () => {
  it('puts runs together that differ in their seed only, and leaves out those without a result', () => {
    const finished = (varied: string[], changes = {}) => ({
      ...waitingRun('0', [], varied),
      state: 'done' as const,
      summary: exampleResult(),
      ...changes,
    });
    const groups = groupsOf([
      finished(['seed=1', '+loss=dgl']),
      finished(['seed=1', '+loss=infopro']),
      finished(['seed=2', '+loss=dgl']),
      finished(['seed=3', '+loss=dgl'], { summary: null, state: 'failed' }),
      finished(['seed=4', '+loss=dgl'], { state: 'stopped' }),
    ]);
    expect(groups.map(({ label, settings, runs }) => [label, settings, runs.length])).toEqual([
      ['loss=dgl', { loss: 'dgl' }, 2],
      ['loss=infopro', { loss: 'infopro' }, 1],
    ]);
    expect(groupsOf([finished(['seed=1']), finished(['seed=2'])]).map(({ label, runs }) => [label, runs.length])).toEqual([['e2e', 2]]);
  });
});

describe('man-reproduce train -m', () => {
  it('trains one run after the other, goes on behind one that fails, and reports', { timeout: 400_000 }, async () => {
    const { code, stdout, stderr } = await run([
      'train',
      '-m',
      ...smoke,
      'schedule=constant',
      'seed=1,2',
      'schedule.base=0.1,1e30',
      'sweep.dir=first',
    ]);
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/done +0 {2}seed=1 schedule\.base=0\.1: test error [\d.]+ %.*; 3 to go, about /);
    expect(stderr).toMatch(/failed +1 {2}seed=1 schedule\.base=1e30: ended with exit code 1: training: expected finite losses, got NaN/);
    expect(stdout).toMatch(/^\nschedule\.base +runs .*\n.*\n0\.1 +2 +[\d.]+ ± [\d.]+/);
    const place = join(folder, 'first');
    expect(readdirSync(place).sort()).toEqual([
      '0',
      '0.log',
      '1',
      '1.log',
      '2',
      '2.log',
      '3',
      '3.log',
      'report.html',
      'report.md',
      'sweep.json',
    ]);
    const { runs } = await readRecord(place);
    expect(runs.map(({ state, exitCode }) => [state, exitCode])).toEqual([
      ['done', 0],
      ['failed', 1],
      ['done', 0],
      ['failed', 1],
    ]);
    const page = readFileSync(join(place, 'report.html'), 'utf8');
    expect(page).toContain('2 of 4 runs ended well; the others are not part of the means.');
    expect(page).toContain('man-reproduce train -m experiment=smoke');
    expect(readFileSync(join(place, 'report.md'), 'utf8')).toContain('| 3   | seed=2 schedule.base=1e30 | failed: ended with exit code 1');
    expect(readFileSync(join(place, '1.log'), 'utf8')).toContain('[MAN_CORE_NOT_FINITE]');
  });

  it('ends its runs with Ctrl-C, also when they run side by side, and goes on with what is missing', { timeout: 400_000 }, async () => {
    const long = [...smoke, 'train.epochs=60', 'train.readEvery=1', 'checkpoint.every=1'];
    const seeds = ['seed=1,2,3', 'launcher=processes', 'sweep.dir=stopped'];
    const isSaved = (name: string) =>
      existsSync(join(folder, 'stopped', name, 'checkpoints')) && readdirSync(join(folder, 'stopped', name, 'checkpoints')).length > 1;
    let isAsked = false;
    const stopped = await run(['train', '-m', ...long, ...seeds], {
      onStderr: (_, child) => {
        if (isAsked) return;
        isAsked = true;
        const timer = setInterval(() => {
          if (!(isSaved('0') && isSaved('1'))) return;
          clearInterval(timer);
          child.kill('SIGINT');
        }, 20);
        child.on('close', () => clearInterval(timer));
      },
    });
    expect(stopped, stopped.stderr).toMatchObject({ code: 130, stderr: expect.stringContaining('man-reproduce train --resume stopped') });
    const place = join(folder, 'stopped');
    const { runs, owner } = await readRecord(place);
    expect([runs.map(({ state }) => state), owner]).toEqual([['stopped', 'stopped', 'waiting'], null]);
    // Ended by themselves: with a result about what there was.
    expect((await readSummary(join(place, '0', 'summary.json'))).interrupted).toBe(true);
    const listed = await run(['train', '--resume', 'stopped', '--dry']);
    expect(listed.stdout.trimEnd().split('\n')).toHaveLength(5);
    expect(await run(['train', '--resume', 'stopped', 'seed=4'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('seed=4 would change the runs'),
    });

    // The first one finished meanwhile, as if this program had been killed before it could write that down.
    const first = await run(['resume', join('stopped', '0')]);
    expect(first, first.stderr).toMatchObject({ code: 0 });
    const weights = readFileSync(join(place, '0', 'weights.safetensors'));
    const resumed = await run(['resume', 'stopped']);
    expect(resumed, resumed.stderr).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('3 runs; 2 side by side'),
    });
    expect((await readRecord(place)).runs.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
    expect(readFileSync(join(place, '0', 'weights.safetensors')).equals(weights)).toBe(true);
    expect(readFileSync(join(place, '1.log'), 'utf8')).toMatch(/resumed +behind step \d+/);
    expect(resumed.stdout).toMatch(/^\nruns .*\n.*\n +3 +[\d.]+ ± [\d.]+/);
    const status = await run(['sweep', 'status', 'stopped', '--json']);
    expect(JSON.parse(status.stdout).runs.map(({ state }: { state: string }) => state)).toEqual(['done', 'done', 'done']);
  });

  it('lists the runs and leaves nothing with --dry', { timeout: 60_000 }, async () => {
    const { code, stdout } = await run(['train', '--multirun', '--dry', ...smoke, 'seed=range(3)', 'sweep.root=none']);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^run +overrides\n.*\n +0 +experiment=smoke .* seed=0\n.*seed=1\n.*seed=2\n$/),
    ]);
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });

  it.each([
    [['train', 'seed=1,2'], 'several runs need -m'],
    [['train', 'launcher=processes'], 'MAN_REPRODUCE_SWEEP'],
    [['train', '--dry'], 'MAN_REPRODUCE_SWEEP'],
    [['train', '-m', '--config-name', 'compare'], 'conf/config.yaml'],
    [['train', '-m', 'seed=1,2', 'run.dir=x'], 'sweep.dir=<folder>'],
  ])('refuses %j with exit code 2 and a hint', { timeout: 60_000 }, async (args, hint) => {
    const { code, stdout, stderr } = await run(args);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(hint)]);
  });

  it('takes a folder with something in it for another run’s', { timeout: 60_000 }, async () => {
    mkdirSync(join(folder, 'taken'));
    writeFileSync(join(folder, 'taken', 'x'), '');
    expect(await run(['train', '-m', ...smoke, 'sweep.dir=taken'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('MAN_REPRODUCE_FOLDER_IN_USE'),
    });
  });
});

describe('man-reproduce train --continue', () => {
  const words = ['train', '--continue', ...smoke, 'run.dir=again'];

  it('begins, begins again where nothing was saved, and leaves alone what is finished', { timeout: 200_000 }, async () => {
    const place = join(folder, 'again');
    mkdirSync(place);
    // What was killed within writing its first file.
    writeFileSync(join(place, '.config.yaml.0a1b2c.tmp'), 'se');
    const first = await run([...words, 'seed=3', 'checkpoint.every=never']);
    expect(first, first.stderr).toMatchObject({ code: 0 });
    const weights = readFileSync(join(place, 'weights.safetensors'));
    const finished = await run([...words, 'seed=3', 'checkpoint.every=never']);
    expect([finished.code, finished.stdout]).toEqual([0, first.stdout]);
    rmSync(join(place, 'summary.json'));
    appendFileSync(join(place, 'events.jsonl'), '{"type":"st');
    const again = await run([...words, 'seed=3', 'checkpoint.every=never']);
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(readFileSync(join(place, 'weights.safetensors')).equals(weights)).toBe(true);
    expect(readFileSync(join(place, 'events.jsonl'), 'utf8').match(/"type":"start"/g)).toHaveLength(1);
    expect(await run([...words, 'seed=4', 'checkpoint.every=never'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('differs in seed'),
    });
  });

  it('needs a folder', { timeout: 60_000 }, async () => {
    expect(await run(words.slice(0, -1))).toMatchObject({ code: 2, stderr: expect.stringContaining('type run.dir=<folder>') });
  });
});

describe('man-reproduce train --from', () => {
  it('starts with the configuration of a run, and with what is typed', { timeout: 100_000 }, async () => {
    const first = await run(['train', ...smoke, 'seed=7', 'run.dir=origin', 'run.label=first']);
    expect(first, first.stderr).toMatchObject({ code: 0 });
    const [own, changed] = [
      await run(['train', '--from', 'origin', '--cfg']),
      await run(['train', '--from', 'origin', '--cfg', 'seed=8', 'schedule=constant']),
    ];
    const recorded = readFileSync(join(folder, 'origin', 'config.yaml'), 'utf8');
    expect(own.stdout).toBe(recorded.replace('dir: origin', 'dir: null'));
    expect(changed.stdout).toMatch(/^seed: 8\n[\s\S]*type: constant/);
    const swept = await run(['train', '--from', 'origin', '-m', '--dry', 'seed=1,2']);
    expect(swept.stdout).toMatch(/ 1 {2}experiment=smoke .* seed=7 run\.label=first seed=2\n$/);
    // As if conf/ gave something else for these words now.
    writeFileSync(
      join(folder, 'origin', 'overrides.txt'),
      readFileSync(join(folder, 'origin', 'overrides.txt'), 'utf8').replace('seed=7', 'seed=9'),
    );
    const written = await run(['train', '--from', 'origin', '--cfg', 'train.epochs=4']);
    expect(written.stdout).toBe(recorded.replace('dir: origin', 'dir: null').replace(/epochs: \d+/, 'epochs: 4'));
    expect(await run(['train', '--from', 'nowhere'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('MAN_REPRODUCE_NOT_A_RUN'),
    });
  });
});
