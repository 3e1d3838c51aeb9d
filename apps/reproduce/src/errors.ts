import { ManError } from '@man/base';

const reason = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause));

export const folderFailed = (folder: string, cause: unknown) =>
  new ManError(`the folder of the run cannot be written: ${folder}: ${reason(cause)}`, {
    code: 'MAN_REPRODUCE_FOLDER',
    hint: 'choose a writable place: run.root=<folder> or run.dir=<folder>. Nothing was trained',
    cause,
  });

export const folderInUse = (folder: string) =>
  new ManError(`expected an empty or new folder for the run, got one with files in it: ${folder}`, {
    code: 'MAN_REPRODUCE_FOLDER_IN_USE',
    hint: 'choose another run.dir, or leave it out for a new folder below run.root',
  });

export const lastBatchOfOne = (pictures: number, batch: number) =>
  new ManError(`${pictures} pictures in batches of ${batch} leave a last batch of one picture, which batch normalisation cannot train on`, {
    code: 'MAN_REPRODUCE_LAST_BATCH',
    hint: 'type train.dropLast=true, or another train.batch or train.limit',
  });

export const unknownMethods = (unknown: readonly string[], known: readonly string[]) =>
  new ManError(`compare.only: expected names of compare.methods (${known.join(', ')}), got ${unknown.join(', ') || 'none'}`, {
    code: 'MAN_REPRODUCE_METHOD_UNKNOWN',
    hint: `type compare.only=[${known.join(',')}], or leave it out`,
  });

export const workerFailed = (label: string, how: string) =>
  new ManError(`${label}: the process that trained it ${how}`, {
    code: 'MAN_REPRODUCE_WORKER',
    hint: 'its own message is above; the other methods are not affected. A process that was killed may have needed more memory: try a smaller train.batch',
  });

export const workerSilent = (label: string, printed: string) =>
  new ManError(
    `${label}: expected a result as one line of JSON from the process that trained it, got ${JSON.stringify(printed.slice(0, 80))}`,
    {
      code: 'MAN_REPRODUCE_WORKER_RESULT',
      hint: 'run man-reproduce train with the same overrides to see what it prints',
    },
  );

export const nothingToVerify = (dataset: string) =>
  new ManError(`${dataset} has no files that could be compared with published ones`, {
    code: 'MAN_REPRODUCE_NOTHING_TO_VERIFY',
    hint: 'name a set that has: man-reproduce data verify dataset=cifar10',
  });

export const outputFailed = (file: string, cause: unknown) =>
  new ManError(`the page cannot be written: ${file}: ${reason(cause)}`, {
    code: 'MAN_REPRODUCE_OUTPUT',
    hint: 'choose a writable place: --out <file>',
    cause,
  });

export const noConfigFolder = (found: string) =>
  new ManError(`--config-dir: expected a folder of configuration files, got '${found}', which is none`, {
    code: 'MAN_REPRODUCE_OPTION',
    hint: 'it has a folder for each group with your own options: <folder>/experiment/mine.yaml',
  });

export const badCount = (found: string) =>
  new ManError(`--pictures: expected a whole number of 1 to 1000, got '${found}'`, {
    code: 'MAN_REPRODUCE_OPTION',
    hint: 'leave it out for 24',
  });

export const noRuns = (folders: readonly string[]) =>
  new ManError(`expected folders of runs, or folders above them, got none with events.jsonl or summary.json in ${folders.join(', ')}`, {
    code: 'MAN_REPRODUCE_NO_RUNS',
    hint: 'name the folder of a run, or outputs for all of them',
  });

export const noCheckpoint = (folder: string) =>
  new ManError(`expected a checkpoint to go on from in ${folder}, got none: it ended before the first one was written`, {
    code: 'MAN_REPRODUCE_NO_CHECKPOINT',
    hint: 'start it anew with man-reproduce train @<folder>/overrides.txt; checkpoint.every=<steps> saves earlier than the end of an epoch',
  });

export const noRunFolder = (folder: string, name: string, cause: unknown) =>
  new ManError(`expected the folder of a run, with ${name} in it, got ${folder}: ${reason(cause)}`, {
    code: 'MAN_REPRODUCE_NOT_A_RUN',
    hint: 'name a folder that man-reproduce train made, such as outputs/<date>/<time>',
    cause,
  });

export const otherConfiguration = (folder: string) =>
  new ManError(
    `${folder}: what was typed does not give the configuration in its config.yaml any more: conf/ or the program have changed since`,
    {
      code: 'MAN_REPRODUCE_CONFIGURATION',
      hint: 'use the version that the run was started with, or type its overrides.txt anew',
    },
  );

export const unpublishedPartition = (network: string, blocks: number, known: readonly string[]) =>
  new ManError(`partition.blocks: expected a published number of blocks of ${network} (${known.join(', ')}), got ${blocks}`, {
    code: 'MAN_REPRODUCE_PARTITION',
    hint: `type partition.blocks=${known.at(-1)}, partition.balanced=memory for an even cut, or partition.cuts=[…] with the last unit of each block but one (describe lists units)`,
  });

export const badExport = (to: string) =>
  new ManError(`--to: expected torch or tfjs, got '${to}'`, {
    code: 'MAN_REPRODUCE_OPTION',
    hint: 'torch writes a state dict as safetensors, tfjs a folder with model.json and weights.bin',
  });

export const badSize = (size: string) =>
  new ManError(`--memory: expected a size such as 16GB, 800MB or 15.9GiB, got '${size}'`, {
    code: 'MAN_REPRODUCE_OPTION',
    hint: 'man-reproduce plan backbone=resnet110 --memory 16GB',
  });

export const badKernels = (kernels: string) =>
  new ManError(`--kernels: expected native or tensorflow, got '${kernels}'`, {
    code: 'MAN_REPRODUCE_OPTION',
    hint: "native are this project's own for a CPU, tensorflow those of the library, for a GPU too",
  });

export const badClasses = (typed: string) =>
  new ManError(`--classes: expected a whole number of 2 or more, got '${typed}'`, {
    code: 'MAN_REPRODUCE_OPTION',
    hint: 'leave it out for as many as the data set has',
  });

export const sweptSection = (key: string) =>
  new ManError(`"${key}" says how a sweep runs: expected one value, got several`, {
    code: 'MAN_REPRODUCE_SWEEP',
    hint: `type one value: launcher=processes launcher.jobs=2`,
  });

export const typedFolder = (word: string) =>
  new ManError(`the runs of a sweep have folders inside that of the sweep, which ${word} does not name`, {
    code: 'MAN_REPRODUCE_SWEEP',
    hint: 'type sweep.root=<folder> for another place, or sweep.dir=<folder> for the folder of the sweep itself',
  });

export const notASweep = (word: string) =>
  new ManError(`${word} says how a sweep runs, and this is one run`, {
    code: 'MAN_REPRODUCE_SWEEP',
    hint: 'type train -m for a sweep, also of one run, or leave it out',
  });

export const sweepOfComparison = () =>
  new ManError('a sweep begins with conf/config.yaml; this begins with conf/compare.yaml, as the runs of a comparison do', {
    code: 'MAN_REPRODUCE_SWEEP',
    hint: 'leave --config-name out; of a run of a comparison type what is to be the same',
  });

export const badSweepRun = (index: number, count: number, varied: readonly string[], cause: ManError) =>
  new ManError(`run ${index} of the ${count} (${varied.join(' ')}): ${cause.message}`, {
    code: 'MAN_REPRODUCE_SWEEP_RUN',
    ...(cause.hint === undefined ? {} : { hint: cause.hint }),
    cause,
  });

export const noSweepFolder = (folder: string, cause: unknown) =>
  new ManError(`expected the folder of a sweep, with sweep.json in it, got ${folder}: ${reason(cause)}`, {
    code: 'MAN_REPRODUCE_NOT_A_SWEEP',
    hint: 'name a folder that man-reproduce train -m made, such as multirun/<date>/<time>',
    cause,
  });

export const badSweepFile = (file: string, problem: string) =>
  new ManError(`${file} does not tell of a sweep: ${problem}`, {
    code: 'MAN_REPRODUCE_SWEEP_FILE',
    hint: 'it is damaged, or of another version of man-reproduce; the runs beside it are whole, and man-reproduce report reads them',
  });

export const badTable = (typed: string) =>
  new ManError(`expected the number of a table (1, 2, 3, 4 or 5), got '${typed}'`, {
    code: 'MAN_REPRODUCE_OPTION',
    hint: 'man-reproduce table 1 --profile quick',
  });

export const badProfile = (typed: string, known: readonly string[]) =>
  new ManError(`--profile: expected ${known.join(', ')}, got '${typed}'`, {
    code: 'MAN_REPRODUCE_OPTION',
    hint: 'paper trains with the recipe of the paper, quick for minutes a run, smoke for seconds',
  });

export const badSeeds = (typed: string) =>
  new ManError(`--seeds: expected a whole number of 1 to 100, got '${typed}'`, {
    code: 'MAN_REPRODUCE_OPTION',
    hint: 'leave it out for five of the profile paper, and one of the others',
  });

export const badRows = (filter: string, words: readonly string[]) =>
  new ManError(`--rows: '${filter}' names no row; its words are ${words.join(', ')}`, {
    code: 'MAN_REPRODUCE_OPTION',
    hint: "words must all fit, a comma begins another choice: --rows 'cifar10 k16 dgl, cifar10 k16 infopro'",
  });

export const badFigure = (typed: string) =>
  new ManError(`expected the number of a figure (1, 4, 5, 6 or 7), got '${typed}'`, {
    code: 'MAN_REPRODUCE_OPTION',
    hint: 'man-reproduce figure 4 --profile quick; Figures 2 and 3 of the paper are drawings',
  });

export const sweptStudy = (word: string) =>
  new ManError(`${word} says which runs a sweep has; those of a table or figure are its cells`, {
    code: 'MAN_REPRODUCE_OPTION',
    hint: 'leave it out; choose cells with --rows, a number of seeds with --seeds, another place with --out, and how they run with launcher=processes',
  });

export const badQueueFile = (file: string, cause: unknown) =>
  new ManError(`${file} does not tell which runs are in the queue of Slurm: ${reason(cause)}`, {
    code: 'MAN_REPRODUCE_QUEUE_FILE',
    hint: 'it is damaged; see with squeue --me whether runs are there, end them with scancel, and remove the file',
    cause,
  });

export const tableBegun = (runs: readonly string[]) =>
  new ManError(`${runs.length === 1 ? 'a run' : `${runs.length} runs`} ended before the last epoch: ${runs.join(', ')}`, {
    code: 'MAN_REPRODUCE_TABLE_BEGUN',
    hint: 'type --resume to go on from the checkpoints, or remove the folders',
  });

export const otherCell = (folder: string, key: string, [there, now]: readonly (string | null)[]) =>
  new ManError(`the run in ${folder} was made with ${key}=${there}, and the table now asks for ${now}`, {
    code: 'MAN_REPRODUCE_TABLE_CONFIGURATION',
    hint: 'choose another place with --out <folder>, or remove that run',
  });

export const twoBudgets = (id: string, budgets: readonly string[]) =>
  new ManError(`expected runs of ${id} with one budget, got ${budgets.join(' and ')}`, {
    code: 'MAN_REPRODUCE_OPTION',
    hint: 'name the folders of one profile: man-reproduce report --paper outputs/table-1/quick',
  });

export const noCells = (folders: readonly string[]) =>
  new ManError(`no finished run of a table or figure of the paper, on real pictures, in ${folders.join(', ')}`, {
    code: 'MAN_REPRODUCE_NO_RUNS',
    hint: 'man-reproduce table 1 makes some, in outputs/; other runs are shown without --paper',
  });

export const notHow = (word: string) =>
  new ManError(`${word} would change the runs of a sweep that goes on`, {
    code: 'MAN_REPRODUCE_SWEEP',
    hint: 'leave it out; only how they are run can change: launcher=processes launcher.jobs=2',
  });

export const sweepOwned = (folder: string, owner: { readonly host: string; readonly pid: number } | null) =>
  new ManError(`${folder} is looked after by process ${owner?.pid} on ${owner?.host}`, {
    code: 'MAN_REPRODUCE_SWEEP_OWNED',
    hint: `end that one first, there: man-reproduce sweep cancel ${folder}. If it is gone, which cannot be seen from another machine, write null for "owner" in sweep.json`,
  });

export const sweepQueued = (folder: string, count: number) =>
  new ManError(`${count} runs of ${folder} are in the queue of Slurm`, {
    code: 'MAN_REPRODUCE_SWEEP_OWNED',
    hint: `wait for them with launcher=slurm, or end them first: man-reproduce sweep cancel ${folder}`,
  });

export const noFolderNamed = () =>
  new ManError('--continue: expected the folder of the run in run.dir, got none', {
    code: 'MAN_REPRODUCE_OPTION',
    hint: 'type run.dir=<folder>; to go on with a run that is there, man-reproduce resume <folder>',
  });

export const otherRun = (folder: string, keys: readonly string[]) =>
  new ManError(`expected this run in ${folder}, got one that differs in ${keys.join(', ')}`, {
    code: 'MAN_REPRODUCE_OTHER_RUN',
    hint: 'choose another run.dir, or type what that run was started with',
  });
