import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mlflow, tensorboard } from './index.ts';
import { epochReport, exampleRun, progressReport, stepMetrics } from './test-reports.ts';

/** A Python with tensorboard and mlflow: `python3 -m venv ~/.venvs/man-track && ~/.venvs/man-track/bin/pip install tensorboard mlflow`. */
const python = process.env.MAN_TRACK_PYTHON ?? join(homedir(), '.venvs/man-track/bin/python');
const missing = existsSync(python) ? '' : ` (skipped: no Python with tensorboard and mlflow at ${python}; see MAN_TRACK_PYTHON)`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'man-peer-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ask = (program: string, ...args: string[]) => {
  const { stdout, stderr, status } = spawnSync(python, ['-c', program, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr.slice(-2000));
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as unknown;
};

describe.skipIf(missing !== '')(`programs of other people${missing}`, () => {
  it('TensorBoard reads a run, and one that was resumed in it, without steps twice', async () => {
    for (const from of [0, 3]) {
      const plugin = tensorboard({ folder, clock: () => 1e12 + from * 1e6 });
      await plugin.setup?.(exampleRun(2, { steps: from }));
      for (let step = from + 1; step <= from + 5; step++) await plugin.onProgress?.(progressReport({ steps: [stepMetrics(step)] }));
      await plugin.onEpochEnd?.(epochReport());
      plugin.dispose?.();
    }
    const seen = ask(
      `import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
a = EventAccumulator(sys.argv[1]); a.Reload()
print(json.dumps({tag: [[e.step, e.value] for e in a.Scalars(tag)] for tag in a.Tags()['scalars']}))`,
      folder,
    ) as Record<string, [number, number][]>;
    expect(seen['loss/block_1']!.map(([step]) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(seen['loss/block_1']!.map(([step, value]) => value * step)).toEqual(Array(8).fill(expect.closeTo(2.5, 5)));
    expect(seen['test/accuracy']!.at(-1)).toEqual([8, expect.closeTo(0.4812, 6)]);
    expect(Object.keys(seen)).toEqual(expect.arrayContaining(['accuracy/block_2', 'learning_rate', 'memory/peak_tensor_bytes']));
  });

  it('an MLflow server has every number of a run, though it came late and was away meanwhile', async () => {
    const port = 20_000 + (process.pid % 10_000);
    const url = `http://127.0.0.1:${port}`;
    const serve = async () => {
      const args = ['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1'];
      const stores = ['--backend-store-uri', `sqlite:///${folder}/mlflow.db`, '--default-artifact-root', join(folder, 'artifacts')];
      const child = spawn(python, [...args, ...stores], { stdio: 'ignore', detached: true, cwd: folder });
      for (let i = 0; i < 240; i++) {
        if (
          await fetch(`${url}/health`)
            .then(({ ok }) => ok)
            .catch(() => false)
        )
          return child;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      throw new Error('the MLflow server did not start');
    };
    const stop = async (child: Awaited<ReturnType<typeof serve>>) => {
      process.kill(-(child.pid as number), 'SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    };
    const plugin = mlflow({ url, spool: join(folder, 'mlflow.jsonl'), name: 'late', parameters: { seed: '7' }, patienceMs: 60_000 });
    await plugin.setup?.(exampleRun(2));
    const train = async (from: number, to: number) => {
      for (let step = from; step <= to; step++) await plugin.onProgress?.(progressReport({ steps: [stepMetrics(step)] }));
      await plugin.onEpochEnd?.(epochReport());
    };
    await train(1, 300);
    let server = await serve();
    await new Promise((resolve) => setTimeout(resolve, 5100));
    await train(301, 600);
    await stop(server);
    await train(601, 900);
    server = await serve();
    await plugin.onFitEnd?.({ epochs: [], interrupted: false, stoppedBy: null, seconds: 1 });
    plugin.dispose?.();
    try {
      const seen = ask(
        `import json, sys, mlflow
c = mlflow.MlflowClient(sys.argv[1])
run, = c.search_runs([c.get_experiment_by_name('MAN').experiment_id])
h = c.get_metric_history(run.info.run_id, 'loss/block_2')
print(json.dumps({'status': run.info.status, 'name': run.info.run_name, 'params': run.data.params,
  'steps': sorted(m.step for m in h), 'last': [m.value for m in h if m.step == 900], 'keys': sorted(run.data.metrics)}))`,
        url,
      ) as Record<string, unknown>;
      expect(seen).toMatchObject({ status: 'FINISHED', name: 'late', params: { seed: '7' }, last: [2 / 900] });
      expect(seen.steps).toEqual(Array.from({ length: 900 }, (_, i) => i + 1));
      expect(seen.keys).toEqual(expect.arrayContaining(['test/accuracy', 'speed/images_per_second', 'accuracy/block_2']));
    } finally {
      await stop(server);
    }
  });
});
