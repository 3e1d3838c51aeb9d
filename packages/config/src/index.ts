export { type Choices, type Composed, type ComposeOptions, compose } from './compose.ts';
export { type ConfigSource, folderSource, listGroups, memorySource } from './config-source.ts';
export type { Choice } from './defaults-list.ts';
export {
  anyOf,
  type Format,
  finiteNumber,
  format,
  listOf,
  nonNegativeInt,
  nonNegativeNumber,
  type OneOf,
  oneOf,
  positiveInt,
  positiveNumber,
  text,
  truth,
  unitInterval,
  wholeInt,
} from './format.ts';
export { describeOrigin, type Origin } from './origin.ts';
export { type Override, parseOverride } from './override.ts';
export { type ConfigProblem, describeProblem, problemsOf } from './problem.ts';
export { type HelpOptions, renderDefaults, renderHelp } from './render.ts';
export type { Rule, RuleProblem } from './rules.ts';
export {
  type ConfigOf,
  type ConfigSchema,
  chooseSchema,
  defineSchema,
  describeSchema,
  type Property,
  type PropertyFormat,
  type PropertyInfo,
} from './schema.ts';
export type { ConfigValue } from './value.ts';
