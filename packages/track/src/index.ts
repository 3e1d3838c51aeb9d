export { atomicWrite, type WriteData } from './atomic-write.ts';
export { type Bar, type BarChart, barChart } from './bar-chart.ts';
export type { Axis } from './chart-core.ts';
export { type CsvOptions, csv } from './csv.ts';
export { type EventLogOptions, eventLog } from './event-log.ts';
export {
  type EpochEvent,
  type ErrorEvent,
  type EventHeader,
  type RunEvent,
  readEvents,
  type StartEvent,
  type StepEvent,
} from './events.ts';
export { formatBytes, formatCount, formatDuration, formatLoss, formatPercent, formatRate } from './format.ts';
export { type History, history } from './history.ts';
export { type LineChart, lineChart, type Series } from './line-chart.ts';
export { deliverMlflow, type MlflowOptions, mlflow } from './mlflow.ts';
export { chromeTrace, type ProfileOptions, profile, profileTable } from './profile.ts';
export { type ProgressOptions, progress } from './progress.ts';
export { type Report, type ReportColumn, type ReportTable, renderReport, writeReport } from './report.ts';
export { groupTable, type RunGroup, type Spread, spreadOf, spreadText } from './run-group.ts';
export { type EpochNumbers, type FinalNumbers, type RunInfo, type RunSummary, summarise } from './run-summary.ts';
export { type ReadSafetensorsOptions, readSafetensors, type SafetensorsFile, type StoredTensor, writeSafetensors } from './safetensors.ts';
export type { SafetensorsDtype } from './safetensors-header.ts';
export { readSummary, writeSummary } from './summary-file.ts';
export { renderSweep, type SweepReport, writeSweepReport } from './sweep-report.ts';
export { type TensorboardOptions, tensorboard } from './tensorboard.ts';
export type { TextStream } from './text-stream.ts';
export { type Column, type TextTableOptions, textTable } from './text-table.ts';
export { exportTorch, type ImportTorchOptions, importTorch, type NetworkOfBackbone } from './torch-weights.ts';
export { type Watch, type WatchOptions, watch } from './watch.ts';
