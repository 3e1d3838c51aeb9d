import type { Rule, RuleProblem } from '@man/config';
import { knownSet } from './known-sets.ts';
import type { TrainConfig } from './schema/index.ts';

/** Pictures of an epoch. */
export function epochSize({ train }: Pick<TrainConfig, 'train'>, available: number): number {
  return Math.min(train.limit ?? available, available);
}

/** Whether an epoch ends with a batch of one picture, which batch normalisation cannot train on. */
export function endsWithOne({ train }: Pick<TrainConfig, 'train'>, pictures: number): boolean {
  return Number.isFinite(pictures) && pictures % train.batch === 1 && !(train.dropLast && pictures > train.batch);
}

/** The number of blocks that a partition asks for; null where nothing is said. */
export function blocksOf({ partition }: Pick<TrainConfig, 'partition'>): number | null {
  return partition.cuts === null ? partition.blocks : partition.cuts.length + 1;
}

const batchRules: Rule<TrainConfig> = (config) => {
  const { batch } = config.train;
  if (batch < 2) {
    const message = `expected at least 2 pictures, since batch normalisation has nothing to average over in one; got ${batch}`;
    return [{ key: 'train.batch', message, fix: 'train.batch=128' }];
  }
  const pictures = epochSize(config, knownSet(config.dataset).pictures);
  if (!endsWithOne(config, pictures)) return [];
  const message = `${pictures} pictures in batches of ${batch} leave a last batch of one picture, which batch normalisation cannot train on`;
  return [{ key: 'train.batch', message, fix: pictures > batch ? 'train.dropLast=true' : 'train.limit=128' }];
};

const partitionRules: Rule<TrainConfig> = ({ partition }) => {
  const { blocks, cuts, split, balanced, stem } = partition;
  const withOthers = Object.entries({ split, balanced }).find(([, value]) => value !== null);
  if (cuts !== null && withOthers !== undefined)
    return [
      {
        key: `partition.${withOthers[0]}`,
        message: 'cuts say it all; this chooses a number of blocks',
        fix: `partition.${withOthers[0]}=null`,
      },
    ];
  if (split !== null && balanced !== null)
    return [
      { key: 'partition.balanced', message: `expected either split or balanced, got both (split=${split})`, fix: 'partition.split=null' },
    ];
  if (balanced !== null && stem === 'merge')
    return [{ key: 'partition.stem', message: 'an even partition decides by itself where the stem goes', fix: 'partition.stem=own' }];
  if (blocks !== null && cuts !== null)
    return [
      { key: 'partition.cuts', message: `expected either blocks or cuts, got both (blocks=${blocks})`, fix: 'partition.blocks=null' },
    ];
  if (blocks === null && cuts === null)
    return [{ key: 'partition.blocks', message: 'expected a number of blocks, or cuts; got neither', fix: 'partition.blocks=16' }];
  return [];
};

const methodRules: Rule<TrainConfig> = (config) => {
  const { loss, plugin } = config;
  const blocks = blocksOf(config);
  const problems: RuleProblem[] = [];
  if (loss.type === 'e2e' && blocks !== null && blocks > 1)
    problems.push({ key: 'loss.type', message: `end-to-end training has one block, got ${blocks}`, fix: 'partition.blocks=1' });
  if (plugin.type === 'man' && blocks === 1) {
    const message = 'MAN passes weights from the next block, so it needs at least 2 blocks; got 1';
    problems.push({ key: 'plugin.type', message, fix: 'plugin=none' });
  }
  return problems;
};

const manRules: Rule<TrainConfig> = ({ plugin }) => {
  if (plugin.type !== 'man') return [];
  const { momentum, halfLife, mix, bias, ema } = plugin;
  const problems: RuleProblem[] = [];
  if (momentum !== null && halfLife !== null)
    problems.push({ key: 'plugin.halfLife', message: 'expected either momentum or halfLife, got both', fix: 'plugin.momentum=null' });
  if (mix === 'gated' && (bias !== 'branch' || !ema))
    problems.push({ key: 'plugin.mix', message: 'a gate weighs two branches: it needs ema=true and bias=branch', fix: 'plugin.mix=sum' });
  if (bias === 'channel' && !ema)
    problems.push({
      key: 'plugin.bias',
      message: 'a bias per channel is added to the EMA branch: it needs ema=true',
      fix: 'plugin.ema=true',
    });
  return problems;
};

const otherRules: Rule<TrainConfig> = ({ optimizer, run, checkpoint, train, extras }) => {
  const problems: RuleProblem[] = [];
  if (optimizer.nesterov && optimizer.momentum === 0)
    problems.push({
      key: 'optimizer.nesterov',
      message: 'there is no Nesterov momentum without momentum',
      fix: 'optimizer.nesterov=false',
    });
  // A run is at rest, and can be saved, where its losses are read.
  if (typeof checkpoint.every === 'number' && checkpoint.every < train.readEvery)
    problems.push({
      key: 'checkpoint.every',
      message: `a run is saved where its losses are read, every ${train.readEvery} steps (train.readEvery); got ${checkpoint.every}`,
      fix: `train.readEvery=${checkpoint.every}`,
    });
  if (extras.clip.norm !== null && extras.clip.value !== null)
    problems.push({ key: 'extras.clip.value', message: 'expected either norm or value, got both', fix: 'extras.clip.norm=null' });
  if (run.name !== null && !/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,79}$/u.test(run.name))
    problems.push({
      key: 'run.name',
      message: 'expected letters, digits, ".", "_" and "-": it becomes part of a folder name',
      fix: 'run.name=first-try',
    });
  return problems;
};

/** What a configuration must keep beyond the checks of its single keys. */
export const trainRules: readonly Rule<TrainConfig>[] = [batchRules, partitionRules, methodRules, manRules, otherRules];
