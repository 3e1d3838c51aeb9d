import { ManError } from '@man/base';

export function pluginInvalid(reason: string, hint: string): ManError {
  return new ManError(`plugins: expected plugin objects with a name of their own, got ${reason}`, { code: 'MAN_CORE_PLUGIN', hint });
}

export function pluginMissing(plugin: string, needed: string): ManError {
  return new ManError(`plugins: '${plugin}' expects '${needed}' in the list too, got none`, {
    code: 'MAN_CORE_PLUGIN_MISSING',
    hint: `add '${needed}' to plugins, or remove '${plugin}'`,
  });
}

export function hookAsync(plugin: string, hook: string): ManError {
  return new ManError(`plugin '${plugin}': expected ${hook} to be synchronous, got a promise`, {
    code: 'MAN_CORE_HOOK_ASYNC',
    hint: `a step cannot wait: move asynchronous work to onProgress or onEpochEnd`,
  });
}

export function hookFailed(plugin: string, hook: string, cause: unknown): ManError {
  return new ManError(`plugin '${plugin}' failed in ${hook}: ${cause instanceof Error ? cause.message : String(cause)}`, {
    code: 'MAN_CORE_HOOK_FAILED',
    hint: `the cause is attached; remove '${plugin}' from plugins to train without it`,
    cause,
  });
}

export function gradientCount(plugin: string, block: number, expected: number, got: number): ManError {
  return new ManError(`plugin '${plugin}', block ${block}: expected afterBackward to return ${expected} gradients or none, got ${got}`, {
    code: 'MAN_CORE_GRADIENTS',
    hint: 'return one gradient, or null, per variable in the order of step.variables',
  });
}

export function buildNotOnce(plugin: string, block: number, calls: number): ManError {
  return new ManError(`plugin '${plugin}', block ${block}: expected buildAux to call build exactly once, got ${calls} calls`, {
    code: 'MAN_CORE_BUILD_ONCE',
    hint: 'return build(site), or an auxiliary network that wraps it',
  });
}

export function partitionConflict(got: string): ManError {
  return new ManError(`partition: expected either blocks, perhaps with split or balanced, or cuts; got ${got}`, {
    code: 'MAN_CORE_PARTITION',
    hint: "partition: { blocks: 16 } for a published partition, { blocks: 4, balanced: 'memory' } for an even one, or { cuts: [names of the last unit of each block] }",
  });
}

export function partitionUnknown(backbone: string, blocks: number, known: readonly number[]): ManError {
  return new ManError(`partition: expected a published number of blocks of ${backbone} (${known.join(', ')}), got ${blocks}`, {
    code: 'MAN_CORE_PARTITION_UNKNOWN',
    hint: "add balanced: 'memory' or 'compute' for an even cut, or name the cuts yourself: { cuts: [names of the last unit of each block but the final one] }",
  });
}

export function splitUnknown(backbone: string, split: string, known: readonly string[]): ManError {
  const names = known.length > 0 ? known.map((name) => `'${name}'`).join(' or ') : 'none, since it has only one published partition';
  return new ManError(`partition: expected split of ${backbone} to be ${names}; got '${split}'`, {
    code: 'MAN_CORE_PARTITION_UNKNOWN',
    hint: 'leave split out for the default partition',
  });
}

export function tooFewCuts(blocks: number, places: number): ManError {
  return new ManError(`partition: expected at least ${blocks - 1} places that the method can use for ${blocks} blocks, got ${places}`, {
    code: 'MAN_CORE_CUT_UNUSABLE',
    hint: `ask for at most ${places + 1} blocks, or take another local loss`,
  });
}

export function cutUnusable(cut: string, reason: string, near: readonly string[]): ManError {
  return new ManError(`partition: expected a cut that the method can use, got '${cut}': ${reason}`, {
    code: 'MAN_CORE_CUT_UNUSABLE',
    hint:
      near.length > 0
        ? `the nearest possible cuts: ${near.map((name) => `'${name}'`).join(' and ')}`
        : 'no other cut is possible either: take another local loss',
  });
}

export function cutInvalid(cut: string, reason: string, hint: string): ManError {
  return new ManError(`partition: expected cuts to be names of units in order, got '${cut}': ${reason}`, { code: 'MAN_CORE_CUT', hint });
}

export function shapesDoNotMeet(before: string, output: readonly number[], after: string, input: readonly number[]): ManError {
  return new ManError(`network: expected '${after}' to take what '${before}' gives, [${output.join(',')}], got [${input.join(',')}]`, {
    code: 'MAN_CORE_SHAPE',
    hint: 'check inputShape and outputShape of the two units',
  });
}

export function unitResult(unit: string, got: string): ManError {
  return new ManError(`fromFunctions: expected apply of '${unit}' to map a batch of one example to a tensor [1,…], got ${got}`, {
    code: 'MAN_CORE_UNIT_RESULT',
    hint: 'return a tensor whose first axis is the batch, also for a batch of one',
  });
}

export function cloneMismatch(unit: string, expected: string, got: string): ManError {
  return new ManError(`fromFunctions: expected clone of '${unit}' to have ${expected}; got ${got}`, {
    code: 'MAN_CORE_UNIT_CLONE',
    hint: 'let clone call the function that made the unit, so that it makes new variables of the same names and shapes',
  });
}

export function batchShape(expected: readonly number[], got: readonly number[]): ManError {
  return new ManError(`batch: expected images of shape [n,${expected.join(',')}], got [${got.join(',')}]`, {
    code: 'MAN_CORE_BATCH_SHAPE',
    hint: "choose a backbone with the data set's picture size, or resize the pictures",
  });
}

export function batchLabels(expected: number, got: string): ManError {
  return new ManError(`batch: expected int32 labels of shape [${expected}], got ${got}`, {
    code: 'MAN_CORE_BATCH_LABELS',
    hint: "make them with tf.tensor1d(labels, 'int32')",
  });
}

export function batchTooSmall(): ManError {
  return new ManError('batch: expected at least 2 examples to train with, got 1', {
    code: 'MAN_CORE_BATCH_TOO_SMALL',
    hint: 'batch normalisation needs several examples: raise the batch size, or drop the last partial batch',
  });
}

export function noData(where: string): ManError {
  return new ManError(`${where}: expected at least one batch in an epoch, got none`, {
    code: 'MAN_CORE_NO_DATA',
    hint: 'check limit and dropLast of the data loader',
  });
}

export function notFinite(block: number, step: number, term: string, value: number): ManError {
  return new ManError(`training: expected finite losses, got ${value} in block ${block}, step ${step}, term '${term}'`, {
    code: 'MAN_CORE_NOT_FINITE',
    hint: 'lower the learning rate, lengthen the warm-up, or check the pictures and labels of that batch',
  });
}

export function badOption(where: string, option: string, expected: string, got: unknown): ManError {
  return new ManError(`${where}: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_CORE_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}

export function lossMissing(blocks: number): ManError {
  return new ManError(`createTrainer: expected a local loss for ${blocks} blocks, got none`, {
    code: 'MAN_CORE_LOSS_MISSING',
    hint: 'pass loss: infopro(), or partition: { blocks: 1 } for end-to-end training',
  });
}

export function disposed(): ManError {
  return new ManError('trainer: expected a trainer in use, got one that is disposed of', {
    code: 'MAN_CORE_DISPOSED',
    hint: 'create a new trainer',
  });
}

export function snapshotMismatch(found: {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly shapes: readonly string[];
}): ManError {
  const list = (what: string, names: readonly string[]) => (names.length === 0 ? [] : [`${what} (${names.length}): ${names.join(', ')}`]);
  const parts = [...list('missing', found.missing), ...list('unexpected', found.unexpected), ...list('of another shape', found.shapes)];
  return new ManError(`the state does not fit: ${parts.join('; ')}`, {
    code: 'MAN_CORE_SNAPSHOT_MISMATCH',
    hint: 'make the trainer with the network, partition, loss and plugins that it was saved with, or pass ignore for what may differ',
  });
}

export function snapshotData(expected: string, got: string): ManError {
  return new ManError(`the run stopped amid an epoch of ${expected}; the data it is to go on with have ${got}`, {
    code: 'MAN_CORE_SNAPSHOT_DATA',
    hint: 'give fit the same data, batch size and limit, or go on from a checkpoint at the end of an epoch',
  });
}

export function notAtRest(unread: number): ManError {
  return new ManError(`expected a trainer whose measurements have been read, got ${unread} steps that have not`, {
    code: 'MAN_CORE_NOT_AT_REST',
    hint: 'take snapshots in onSavePoint, or call readMetrics() before',
  });
}

export function cannotRestore(optimizer: string): ManError {
  return new ManError(`the optimiser '${optimizer}' has no restore(state), so a run cannot go on with it`, {
    code: 'MAN_CORE_OPTIMIZER_RESTORE',
    hint: 'implement restore, the reverse of state()',
  });
}
