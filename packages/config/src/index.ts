export {
  anyOf,
  type ConfigOf,
  type ConfigSchema,
  type ConfigValue,
  defineSchema,
  type Format,
  finiteNumber,
  format,
  listOf,
  nonNegativeInt,
  nonNegativeNumber,
  type OneOf,
  oneOf,
  type Property,
  type PropertyFormat,
  positiveInt,
  positiveNumber,
  text,
  truth,
  unitInterval,
  wholeInt,
} from '@man/base';
export { completeOverride, completionScript, type Shell } from './complete.ts';
export { type Choices, type Composed, type ComposeOptions, compose } from './compose.ts';
export { type ConfigSource, folderSource, listGroups, memorySource, overlaySource, recordSource } from './config-source.ts';
export type { Choice } from './defaults-list.ts';
export type { Synonyms } from './near.ts';
export { describeOrigin, type Origin } from './origin.ts';
export { type Override, parseOverride } from './override.ts';
export { type ConfigProblem, describeProblem, problemsOf } from './problem.ts';
export { type HelpOptions, renderDefaults, renderHelp } from './render.ts';
export type { Rule, RuleProblem } from './rules.ts';
export { chooseSchema, describeSchema, type PropertyInfo } from './schema.ts';
export { type Axis, gridJobs, readSweep, type Sweep, type SweepJob, type SweepOptions, sweepJob } from './sweep.ts';
export type { AxisValues } from './sweep-axis.ts';
export { gridSweeper, type RandomSweeperOptions, randomSweeper, randomSweeperSchema, type Sweeper, type Trial } from './sweeper.ts';
