import { ManError } from '@man/base';

export function badOption(where: string, option: string, expected: string, got: unknown): ManError {
  return new ManError(`${where}: expected ${option} to be ${expected}, got ${JSON.stringify(got)}`, {
    code: 'MAN_ANALYSIS_OPTION',
    hint: `pass ${option} as ${expected}`,
  });
}

export function badFeatures(where: string, expected: string, got: string): ManError {
  return new ManError(`${where}: expected ${expected}, got ${got}`, {
    code: 'MAN_ANALYSIS_FEATURES',
    hint: 'features are one row per example, in the same order on both sides',
  });
}

export function tooFewExamples(where: string, least: number, got: number): ManError {
  return new ManError(`${where}: expected at least ${least} examples at once, got ${got}`, {
    code: 'MAN_ANALYSIS_TOO_FEW',
    hint: 'enlarge the batch, or leave out the last, smaller one',
  });
}

export function noExamples(where: string): ManError {
  return new ManError(`${where}: expected a source with at least one batch, got none`, {
    code: 'MAN_ANALYSIS_NO_DATA',
    hint: 'look at batches and limits of the data source',
  });
}

export function unitUnknown(name: string, known: readonly string[], near: readonly string[]): ManError {
  return new ManError(`featureMaps: expected the name of a unit, got '${name}'`, {
    code: 'MAN_ANALYSIS_UNIT',
    hint: near.length > 0 ? `did you mean ${near.join(' or ')}?` : `units: ${known.join(', ')}`,
  });
}

export function notAPicture(name: string, shape: readonly number[]): ManError {
  return new ManError(`featureMaps: expected a unit whose output is a picture [height, width, channels], got '${name}' with [${shape}]`, {
    code: 'MAN_ANALYSIS_NOT_A_PICTURE',
    hint: 'choose a unit in front of the global pooling',
  });
}
