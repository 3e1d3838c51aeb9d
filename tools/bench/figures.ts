import { type Contender, type Format, median, ours, peer, type Setting, type Steps } from './contender.ts';

/** One number of the table: what was measured, and what it has to reach. */
export interface Figure {
  /** Names it in JSON and in the baseline. */
  readonly id: string;
  readonly what: string;
  /** Null where the peer is missing. */
  readonly value: number | null;
  readonly unit: '×' | '%' | 'MB' | 'operations' | 'tensors';
  readonly target: { readonly atLeast: number } | { readonly atMost: number };
  /** What was measured to get there, for people. */
  readonly detail: string;
  /** Every round or reading, for machines. */
  readonly readings: object;
}

export interface Options {
  readonly python: string | undefined;
  readonly quick: boolean;
  readonly rounds: number;
  tell(text: string): void;
}

const MAN: Setting = { method: 'man', depth: 32, blocks: 16, batch: 128 };
const END_TO_END: Setting = { method: 'e2e', depth: 32, blocks: 1, batch: 128 };
const DEEP: Setting = { method: 'man', depth: 110, blocks: 55, batch: 128 };

/** Images per second of every contender in each round, in turns; a first step behind another's turn is not counted. */
async function race(setting: Setting, formats: readonly Format[], { python, rounds, quick, tell }: Options) {
  const all = [ours(setting), ...(python === undefined ? [] : formats.map((format) => peer(python, setting, format)))];
  const steps = quick || setting.depth > 32 ? 1 : 3;
  const speeds = new Map<string, number[]>(all.map(({ name }) => [name, []]));
  const isolated: Isolated[] = [];
  let own: Steps | undefined;
  try {
    for (const contender of all) await contender.ask('go 1');
    for (let round = 1; round <= rounds; round++) {
      for (const contender of all) {
        const answer = await contender.ask<Steps>(`go ${1 + steps}`);
        if (contender === all[0]) own = answer;
        speeds.get(contender.name)?.push((1000 * setting.batch) / median(answer.step_ms.slice(1)));
      }
      if (setting === MAN) isolated.push(await (all[0] as Contender).ask<Isolated>('isolated'));
      tell(`${nameOf(setting)}: round ${round} of ${rounds}`);
    }
    return { setting, speeds: Object.fromEntries(speeds), own: own as Steps, isolated };
  } finally {
    await Promise.all(all.map((contender) => contender.end()));
  }
}

interface Isolated {
  readonly convolutions: number;
  readonly isolated_ms: number;
}

type Race = Awaited<ReturnType<typeof race>>;

function nameOf({ method, depth, blocks, batch }: Setting): string {
  const text = { e2e: 'end to end', infopro: `InfoPro K=${blocks}`, man: `InfoPro+MAN K=${blocks}` }[method];
  return `ResNet-${depth} ${text}, batch ${batch}`;
}

/** The median over rounds of our speed over the peer's in the same round. */
function speedFigure(id: string, { setting, speeds }: Race, format: Format, atLeast: number): Figure {
  const [own, theirs] = [speeds.ours as number[], speeds[`PyTorch ${format}`]];
  const images = (numbers: readonly number[]) => median(numbers).toFixed(1);
  return {
    id,
    what: `${nameOf(setting)}: speed, PyTorch ${format}`,
    value: theirs === undefined ? null : median(own.map((speed, i) => speed / (theirs[i] as number))),
    unit: '×',
    target: { atLeast },
    detail: theirs === undefined ? `${images(own)} images/s` : `${images(own)} against ${images(theirs)} images/s`,
    readings: { ours: own, theirs: theirs ?? null },
  };
}

/** All figures, one after the other; a quick run leaves out what takes minutes. */
export async function* measure(options: Options): AsyncGenerator<Figure> {
  const man = await race(MAN, options.quick ? ['channels_last'] : ['channels_last', 'contiguous'], options);
  yield speedFigure('man-channels-last', man, 'channels_last', 1.15);
  if (!options.quick) yield speedFigure('man-contiguous', man, 'contiguous', 2);
  const plain = await race(END_TO_END, ['channels_last'], options);
  yield speedFigure('end-to-end', plain, 'channels_last', 1.25);
  const deep = options.quick ? undefined : await race(DEEP, ['channels_last'], options);
  if (deep !== undefined) yield speedFigure('deep-man', deep, 'channels_last', 1.15);
  yield efficiency(man);
  yield operationCount(man);
  if (options.quick) yield tensors(128, man.own, plain.own);
  else yield* memory(options);
  if (deep !== undefined) yield growth(man, deep);
  yield await waiting(options);
  yield* steady(options);
}

/** The median over rounds of the convolutions' own time over that of the steps in the same round. */
function efficiency({ setting, speeds, isolated }: Race): Figure {
  const stepMs = (speeds.ours as number[]).map((speed) => (1000 * setting.batch) / speed);
  const aloneMs = isolated.map(({ isolated_ms }) => isolated_ms);
  return {
    id: 'efficiency',
    what: `${nameOf(setting)}: convolutions by themselves ÷ step`,
    value: median(aloneMs.map((alone, i) => alone / (stepMs[i] as number))),
    unit: '×',
    target: { atLeast: 0.8 },
    detail: `${median(aloneMs).toFixed(0)} ms of ${isolated[0]?.convolutions} convolutions in ${median(stepMs).toFixed(0)} ms`,
    readings: { isolated_ms: aloneMs, step_ms: stepMs },
  };
}

function operationCount({ setting, own }: Race): Figure {
  return {
    id: 'operations',
    what: `${nameOf(setting)}: operations of a step`,
    value: own.operations as number,
    unit: 'operations',
    target: { atMost: 1500 },
    detail: '',
    readings: { operations: own.operations },
  };
}

/** Peak memory at batch 512, where activations dwarf everything else. */
async function* memory({ python, tell }: Options): AsyncGenerator<Figure> {
  const own: Steps[] = [];
  for (const setting of [MAN, END_TO_END].map((each) => ({ ...each, batch: 512 }))) {
    tell(`${nameOf(setting)}: memory`);
    const steps = await once(ours(setting), 3);
    own.push(steps);
    const theirs = python === undefined ? undefined : await once(peer(python, setting, 'channels_last'), 1);
    yield {
      id: `resident-${setting.method}`,
      what: `${nameOf(setting)}: peak resident above idle`,
      value: steps.peak_above_idle_mb,
      unit: 'MB',
      target: { atMost: setting.method === 'man' ? 800 : 1300 },
      detail: theirs === undefined ? '' : `PyTorch ${theirs.peak_above_idle_mb.toFixed(0)} MB`,
      readings: { ours: steps, theirs: theirs ?? null },
    };
  }
  yield tensors(512, own[0] as Steps, own[1] as Steps);
}

function tensors(batch: number, { peak_tensor_bytes: man = 0 }: Steps, { peak_tensor_bytes: plain = 0 }: Steps): Figure {
  return {
    id: `tensors-${batch}`,
    what: `peak tensor bytes, batch ${batch}: InfoPro+MAN K=16 ÷ end to end`,
    value: man / plain,
    unit: '×',
    // Weights and their momenta do not grow with the batch: at 128 they are a tenth of it.
    target: { atMost: batch === 512 ? 0.45 : 0.5 },
    detail: `${(man / 1e6).toFixed(0)} MB ÷ ${(plain / 1e6).toFixed(0)} MB`,
    readings: { man, plain },
  };
}

async function once(contender: Contender, steps: number): Promise<Steps> {
  try {
    return await contender.ask<Steps>(`go ${steps}`);
  } finally {
    await contender.end();
  }
}

function growth(shallow: Race, deep: Race): Figure {
  const [before, after] = [shallow.own.peak_activation_bytes as number, deep.own.peak_activation_bytes as number];
  return {
    id: 'growth',
    what: 'peak activation bytes: ResNet-110 K=55 ÷ ResNet-32 K=16',
    value: after / before,
    unit: '×',
    target: { atMost: 1.1 },
    detail: `${(after / 1e6).toFixed(0)} MB ÷ ${(before / 1e6).toFixed(0)} MB`,
    readings: { before, after },
  };
}

/** End to end, whose step is the shortest. */
async function waiting({ quick, tell }: Options): Promise<Figure> {
  tell('waiting for data');
  const contender = ours(END_TO_END);
  try {
    const { dataset, waiting: share } = await contender.ask<{ dataset: string; waiting: number }>(`waiting ${quick ? 15 : 390}`);
    return {
      id: 'waiting',
      what: `${nameOf(END_TO_END)}: share of the time waiting for data`,
      value: 100 * share,
      unit: '%',
      target: { atMost: 1 },
      detail: dataset === 'cifar10' ? 'CIFAR-10, full augmentation' : 'shapes: no CIFAR-10 found (MAN_DATA_DIR)',
      readings: { dataset, share },
    };
  } finally {
    await contender.end();
  }
}

async function* steady({ quick, tell }: Options): AsyncGenerator<Figure> {
  const [setting, steps] = [{ ...MAN, batch: 8 }, quick ? 20 : 500];
  tell(`${nameOf(setting)}: ${steps} steps`);
  const contender = ours(setting);
  try {
    const found = await contender.ask<{ tensors: number[]; resident_mb: number[] }>(`steady ${steps}`);
    const [least, most] = [Math.min(...found.resident_mb), Math.max(...found.resident_mb)];
    yield {
      id: 'leak',
      what: `tensors more after ${steps} steps`,
      value: (found.tensors.at(-1) as number) - (found.tensors[0] as number),
      unit: 'tensors',
      target: { atMost: 0 },
      detail: '',
      readings: found,
    };
    yield {
      id: 'flat',
      what: `resident memory over ${steps} steps: most ÷ least`,
      value: most / least,
      unit: '×',
      target: { atMost: 1.02 },
      detail: `${least.toFixed(0)} to ${most.toFixed(0)} MB`,
      readings: found,
    };
  } finally {
    await contender.end();
  }
}
