import { ENGINES, type EngineName, METHODS, type Method, type Order, type Report } from './messages.ts';
import { Panel } from './panel.ts';

/** `?engine=wasm&steps=5&batch=4`: an engine, steps of one press of “Train”, pictures of a step. */
const asked = new URLSearchParams(location.search);
const STEPS = Number(asked.get('steps') ?? 400);
const BATCH = Number(asked.get('batch') ?? 16);
const NAMES: Readonly<Record<EngineName, string>> = {
  webgpu: 'WebGPU',
  webgl: 'WebGL',
  wasm: 'WebAssembly',
  cpu: 'JavaScript',
};

const worker = new Worker(new URL('./training-worker.ts', import.meta.url), { type: 'module' });
const order = (message: Order) => worker.postMessage(message);
const [train, one, again] = ['train', 'step', 'again'].map((id) => element<HTMLButtonElement>(id)) as [
  HTMLButtonElement,
  HTMLButtonElement,
  HTMLButtonElement,
];
const engine = element<HTMLSelectElement>('engine');
const status = element('status');
const methods = element('methods');
let panels = new Map<Method, Panel>();
let isTraining = false;
/** Steps of this press, and where the run stands. */
let [target, step] = [0, 0];

for (const [value, text] of [['auto', 'the fastest'], ...Object.entries(NAMES)] as [string, string][]) engine.add(new Option(text, value));
engine.value = asked.get('engine') ?? 'auto';
train.addEventListener('click', () => (isTraining ? order({ type: 'pause' }) : begin(STEPS)));
one.addEventListener('click', () => begin(1));
again.addEventListener('click', prepare);
engine.addEventListener('change', prepare);
worker.addEventListener('message', ({ data }: MessageEvent<Report>) => take(data));
worker.addEventListener('error', ({ message }) => take({ type: 'failed', message }));
prepare();

function prepare(): void {
  enable(false);
  say('Starting …');
  const chosen = ENGINES.find((name) => name === engine.value) ?? 'auto';
  order({ type: 'prepare', engine: chosen, seed: 1, batch: BATCH });
}

function begin(steps: number): void {
  isTraining = true;
  target = step + steps;
  train.textContent = 'Pause';
  one.disabled = true;
  order({ type: 'train', steps });
}

function take(report: Report): void {
  if (report.type === 'ready') ready(report);
  else if (report.type === 'progress') {
    panels.get(report.progress.method)?.show(report.progress);
    const largest = Math.max(...[...panels.values()].map(({ bytes }) => bytes));
    for (const panel of panels.values()) panel.compare(largest);
    step = report.progress.step;
    // A screen reader would read every step.
    if (step % 20 === 1 && report.progress.method === METHODS[0]) say(`Training: step ${step} of ${target}`);
  } else if (report.type === 'judgement') panels.get(report.judgement.method)?.judge(report.judgement);
  else if (report.type === 'paused') rest(`Paused behind step ${report.step}.`);
  else rest(`Something failed: ${report.message}`);
}

function ready({ engine: name, contestants, example, label }: Extract<Report, { readonly type: 'ready' }>): void {
  panels = new Map(contestants.map((contestant) => [contestant.method, new Panel(contestant, example, label)]));
  methods.replaceChildren(...[...panels.values()].map((panel) => panel.element));
  step = 0;
  enable(true);
  rest(`Ready, on ${NAMES[name]}.`);
}

function rest(message: string): void {
  isTraining = false;
  train.textContent = 'Train';
  one.disabled = train.disabled;
  say(message);
}

function enable(isReady: boolean): void {
  train.disabled = !isReady;
  one.disabled = !isReady;
}

function say(message: string): void {
  status.textContent = message;
}

function element<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as E;
}
