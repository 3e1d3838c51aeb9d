import { mlflowRefused } from './errors.ts';

/** A metric as MLflow keeps it. */
export interface MlflowMetric {
  readonly key: string;
  /** What JSON has no number for is one of protocol buffers' words. */
  readonly value: number | 'NaN' | 'Infinity' | '-Infinity';
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly step: number;
}

/** Where a server is, and what it wants to see. */
export interface MlflowServer {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How long one request may take. */
const REQUEST_MS = 10_000;

/** How many metrics MLflow takes at once, and how many parameters. */
export const MOST_METRICS = 1000;
export const MOST_PARAMETERS = 100;

/**
 * One request of MLflow's REST interface.
 *
 * @throws MAN_TRACK_MLFLOW where the server answers but refuses; the error of `fetch` where it is away
 */
export async function request({ url, headers }: MlflowServer, method: 'GET' | 'POST', path: string, body: object): Promise<unknown> {
  const query = method === 'GET' ? `?${new URLSearchParams(body as Record<string, string>)}` : '';
  const answer = await fetch(`${url.replace(/\/+$/, '')}/api/2.0/mlflow/${path}${query}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    signal: AbortSignal.timeout(REQUEST_MS),
    ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw mlflowRefused(url, path, answer.status, text);
  return JSON.parse(text);
}

/** What a run of MLflow begins with. */
export interface MlflowStart {
  readonly experiment: string;
  readonly name: string;
  readonly startTime: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

/** Makes a run, and its experiment where there is none of that name; gives its id. */
export async function createRun(server: MlflowServer, start: MlflowStart): Promise<string> {
  const { experiment, name, startTime, parameters, tags } = start;
  const experimentId = await experimentOf(server, experiment);
  const made = (await request(server, 'POST', 'runs/create', {
    experiment_id: experimentId,
    run_name: name,
    start_time: startTime,
    tags: pairs(tags),
  })) as { run: { info: { run_id: string } } };
  const runId = made.run.info.run_id;
  const all = pairs(parameters);
  for (let at = 0; at < all.length; at += MOST_PARAMETERS)
    await request(server, 'POST', 'runs/log-batch', { run_id: runId, params: all.slice(at, at + MOST_PARAMETERS) });
  return runId;
}

async function experimentOf(server: MlflowServer, name: string): Promise<string> {
  const find = async () => {
    const found = await request(server, 'GET', 'experiments/get-by-name', { experiment_name: name });
    return (found as { experiment: { experiment_id: string } }).experiment.experiment_id;
  };
  try {
    return await find();
  } catch (error) {
    if (!isRefusal(error, 'RESOURCE_DOES_NOT_EXIST')) throw error;
  }
  try {
    return ((await request(server, 'POST', 'experiments/create', { name })) as { experiment_id: string }).experiment_id;
  } catch (error) {
    // Another run may have made it meanwhile.
    if (isRefusal(error, 'RESOURCE_ALREADY_EXISTS')) return find();
    throw error;
  }
}

/** Whether a server answered with this error of MLflow's. */
function isRefusal(error: unknown, code: string): boolean {
  return error instanceof Error && error.message.includes(code);
}

const pairs = (record: Readonly<Record<string, string>>) => Object.entries(record).map(([key, value]) => ({ key, value }));
