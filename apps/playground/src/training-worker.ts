import { Contest, JUDGE_EVERY } from './contest.ts';
import { startEngine } from './engines.ts';
import type { Order, Report } from './messages.ts';
import { createPictures } from './pictures.ts';

let contest: Contest | null = null;
/** Counts the orders to train; a loop ends when it is not the newest. */
let turn = 0;
/** Orders one after the other: an engine must not change under a running step. */
let working: Promise<void> = Promise.resolve();

const tell = (report: Report) => postMessage(report);
const breath = () => new Promise((resolve) => setTimeout(resolve));

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  const mine = ++turn;
  working = working
    .then(() => obey(data, () => mine === turn))
    .catch((error: unknown) => tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) }));
});

async function obey(order: Order, isNewest: () => boolean): Promise<void> {
  if (order.type === 'prepare') await prepare(order);
  else if (order.type === 'train') await train(order.steps, isNewest);
}

async function prepare({ engine: asked, seed, batch }: Extract<Order, { readonly type: 'prepare' }>): Promise<void> {
  contest?.dispose();
  contest = null;
  const engine = await startEngine(asked);
  const pictures = createPictures(seed, batch);
  contest = new Contest(pictures);
  tell({ type: 'ready', engine, contestants: contest.contestants, example: pictures.shown, label: pictures.label });
}

async function train(steps: number, isNewest: () => boolean): Promise<void> {
  if (contest === null) return;
  for (let i = 0; i < steps && isNewest(); i++) {
    for (const progress of contest.train()) {
      tell({ type: 'progress', progress });
      await breath();
    }
    if (contest.step % JUDGE_EVERY === 0) await judge(contest);
  }
  if (contest.step % JUDGE_EVERY !== 0) await judge(contest);
  tell({ type: 'paused', step: contest.step });
}

async function judge(of: Contest): Promise<void> {
  for await (const judgement of of.judge()) {
    tell({ type: 'judgement', judgement });
    await breath();
  }
}
