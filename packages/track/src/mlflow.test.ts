import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isManError } from '@man/base';
import type { TrainerPlugin } from '@man/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deliverMlflow, type MlflowOptions, mlflow } from './index.ts';
import { epochReport, exampleRun, progressReport, stepMetrics } from './test-reports.ts';

/** As much of MLflow as is asked of it; the real one is asked in sinks.long.test.ts. */
class FakeMlflow {
  readonly metrics = new Map<string, number | string>();
  readonly statuses: string[] = [];
  runs = 0;
  parameters = 0;
  requests = 0;
  #server: Server | undefined;
  port = 0;

  async start(port = 0): Promise<void> {
    this.#server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      request.on('end', () => {
        const [status, answer] = this.#answer(request.url ?? '', text === '' ? {} : JSON.parse(text));
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      });
    });
    await new Promise<void>((resolve) => this.#server?.listen(port, '127.0.0.1', resolve));
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  #answer(url: string, body: Record<string, unknown>): [number, object] {
    this.requests++;
    if (url.includes('experiments/get-by-name')) return [404, { error_code: 'RESOURCE_DOES_NOT_EXIST' }];
    if (url.includes('experiments/create')) return [200, { experiment_id: '7' }];
    if (url.includes('runs/create')) return [200, { run: { info: { run_id: `run-${++this.runs}` } } }];
    if (url.includes('runs/update')) this.statuses.push(body.status as string);
    const metrics = (body.metrics ?? []) as { key: string; value: number; step: number }[];
    if (metrics.length > 1000) return [400, { error_code: 'INVALID_PARAMETER_VALUE' }];
    for (const { key, step, value } of metrics) this.metrics.set(`${key}@${step}`, value);
    this.parameters += ((body.params ?? []) as []).length;
    return [200, {}];
  }
}

let folder: string;
let server: FakeMlflow;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'man-mlflow-'));
  server = new FakeMlflow();
  await server.start();
});
afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

const options = (changes: Partial<MlflowOptions> = {}): MlflowOptions => ({
  url: `http://127.0.0.1:${server.port}/`,
  spool: join(folder, 'mlflow.jsonl'),
  patienceMs: 300,
  ...changes,
});
const train = async (plugin: TrainerPlugin, from: number, to: number) => {
  for (let step = from; step <= to; step++) await plugin.onProgress?.(progressReport({ steps: [stepMetrics(step)] }));
  await plugin.onEpochEnd?.(epochReport());
};
const end = (plugin: TrainerPlugin) => plugin.onFitEnd?.({ epochs: [], interrupted: false, stoppedBy: null, seconds: 1 });
const steps = () => [...server.metrics.keys()].filter((key) => key.startsWith('loss/block_2@')).map((key) => Number(key.split('@')[1]));
const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

describe('mlflow', () => {
  it('sends parameters, steps, epochs and the end', async () => {
    const parameters = Object.fromEntries(upTo(130).map((i) => [`p${i}`, 'x']));
    const plugin = mlflow(options({ parameters }));
    await plugin.setup?.(exampleRun(2));
    await train(plugin, 1, 500);
    await end(plugin);
    plugin.dispose?.();
    expect(steps().sort((a, b) => a - b)).toEqual(upTo(500));
    expect(server.metrics.get('test/accuracy@500')).toBe(0.4812);
    expect(server.metrics.get('accuracy/block_2@1')).toBe(0.5);
    expect(server).toMatchObject({ runs: 1, parameters: 130, statuses: ['FINISHED'] });
    expect(server.requests).toBeLessThan(100);
  });

  it('loses nothing while the server is away, and sends it in order when it is back', async () => {
    const { port } = server;
    const problems: unknown[] = [];
    await server.stop();
    const plugin = mlflow(options({ onDelivery: (problem) => problems.push(problem) }));
    await plugin.setup?.(exampleRun(2));
    await train(plugin, 1, 20);
    await server.start(port);
    await end(plugin);
    plugin.dispose?.();
    expect(steps()).toEqual(upTo(20));
    expect(server.statuses).toEqual(['FINISHED']);
    expect([problems[0] instanceof Error, problems.at(-1)]).toEqual([true, null]);
  });

  it('leaves what it could not send in the spool, for later', async () => {
    const { port } = server;
    await server.stop();
    const plugin = mlflow(options());
    await plugin.setup?.(exampleRun(2));
    await train(plugin, 1, 5);
    await end(plugin);
    plugin.dispose?.();
    await server.start(port);
    await deliverMlflow(options());
    expect(steps()).toEqual(upTo(5));
    const { requests } = server;
    await deliverMlflow(options());
    expect([server.requests, server.statuses]).toEqual([requests, ['FINISHED']]);
  });

  it('goes on in the same run when the process was killed and resumed, half a line in the spool', async () => {
    const first = mlflow(options());
    await first.setup?.(exampleRun(2));
    await train(first, 1, 8);
    // Killed: no end, half a line.
    await new Promise((resolve) => setTimeout(resolve, 100));
    writeFileSync(join(folder, 'mlflow.jsonl'), '{"metrics":[{"key":"lo', { flag: 'a' });
    const second = mlflow(options());
    await second.setup?.(exampleRun(2, { steps: 5 }));
    await train(second, 6, 12);
    await end(second);
    second.dispose?.();
    expect(server.runs).toBe(1);
    expect(steps().sort((a, b) => a - b)).toEqual(upTo(12));
    // Steps that were done again are not there twice.
    expect(readFileSync(join(folder, 'mlflow.jsonl'), 'utf8').match(/"loss\/block_2","value":[^}]*"step":7/g)).toHaveLength(1);
  });

  it('says how a run failed, and numbers that JSON does not know', async () => {
    const plugin = mlflow(options());
    await plugin.setup?.(exampleRun(1));
    await plugin.onProgress?.(progressReport({ steps: [stepMetrics(1, { blocks: [{ loss: Number.NaN, terms: {}, accuracy: null }] })] }));
    await plugin.onError?.(new Error('x'));
    plugin.dispose?.();
    expect(server.metrics.get('loss/block_1@1')).toBe('NaN');
    expect(server.statuses).toEqual(['FAILED']);
  });

  it('checks its options before a run starts', () => {
    for (const changes of [{ url: 'localhost' }, { url: 'ftp://x/' }, { spool: '' }]) {
      try {
        mlflow(options(changes));
        expect.unreachable();
      } catch (error) {
        expect(isManError(error, 'MAN_TRACK_BAD_OPTION')).toBe(true);
      }
    }
  });
});
