export { atomicWrite, type WriteData } from './atomic-write.ts';
export { formatBytes, formatCount, formatDuration, formatLoss, formatPercent, formatRate } from './format.ts';
export { readSafetensors, type SafetensorsFile, type StoredTensor, writeSafetensors } from './safetensors.ts';
export type { SafetensorsDtype } from './safetensors-header.ts';
export { type Column, type TextTableOptions, textTable } from './text-table.ts';
