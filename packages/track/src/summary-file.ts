import { readFile } from 'node:fs/promises';
import { atomicWrite } from './atomic-write.ts';
import { badSummary, readFailed } from './errors.ts';
import type { EpochNumbers, FinalNumbers, RunSummary } from './run-summary.ts';

/**
 * Writes the summary of a run as indented JSON, atomically.
 *
 * @throws MAN_TRACK_WRITE_FAILED
 */
export async function writeSummary(file: string, summary: RunSummary): Promise<void> {
  await atomicWrite(file, `${JSON.stringify(summary, null, 2)}\n`);
}

/**
 * Reads what {@link writeSummary} wrote, checking every member; members that it does not know are passed on.
 *
 * @throws MAN_TRACK_READ_FAILED
 * @throws MAN_TRACK_SUMMARY_INVALID naming the file and the member
 * @example
 * ```ts
 * await writeReport('report.html', { title: 'Study', runs: await Promise.all(files.map(readSummary)) });
 * ```
 */
export async function readSummary(file: string): Promise<RunSummary> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw readFailed(file, cause);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badSummary(file, 'it is not JSON', cause);
  }
  check(file, 'the file', value, SUMMARY);
  const summary = value as RunSummary;
  check(file, 'final', summary.final, FINAL);
  for (const [index, epoch] of summary.epochs.entries()) check(file, `epochs[${index}]`, epoch, EPOCH);
  return summary;
}

type Kind = keyof typeof KINDS;

const KINDS = {
  text: (value: unknown) => typeof value === 'string',
  number: (value: unknown) => typeof value === 'number',
  'number or null': (value: unknown) => value === null || typeof value === 'number',
  'number, null or absent': (value: unknown) => value === undefined || value === null || typeof value === 'number',
  'text or null': (value: unknown) => value === null || typeof value === 'string',
  'number, text or null': (value: unknown) => value === null || typeof value === 'number' || typeof value === 'string',
  'true or false': (value: unknown) => typeof value === 'boolean',
  list: (value: unknown) => Array.isArray(value),
  'list of numbers or null': (value: unknown) => Array.isArray(value) && value.every(KINDS['number or null']),
  object: (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value),
};

const SUMMARY: Readonly<Record<keyof RunSummary, Kind>> = {
  name: 'text',
  label: 'text',
  blocks: 'number',
  plannedEpochs: 'number',
  epochs: 'list',
  final: 'object',
  parameters: 'number or null',
  seed: 'number, text or null',
  engine: 'text or null',
  seconds: 'number',
  imagesPerSecond: 'number or null',
  peakTensorBytes: 'number or null',
  peakResidentBytes: 'number or null',
  interrupted: 'true or false',
};

const FINAL: Readonly<Record<keyof FinalNumbers, Kind>> = {
  testAccuracy: 'number or null',
  testError: 'number or null',
  testTop5Error: 'number, null or absent',
  bestTestError: 'number or null',
  bestEpoch: 'number or null',
  trainLoss: 'number or null',
  trainAccuracy: 'number or null',
};

const EPOCH: Readonly<Record<keyof EpochNumbers, Kind>> = {
  epoch: 'number',
  trainLoss: 'number or null',
  trainAccuracy: 'number or null',
  testLoss: 'number or null',
  testAccuracy: 'number or null',
  testTop5Accuracy: 'number, null or absent',
  blockLosses: 'list of numbers or null',
  seconds: 'number or null',
  imagesPerSecond: 'number or null',
  peakTensorBytes: 'number or null',
  learningRate: 'number or null',
};

function check(file: string, where: string, value: unknown, members: Readonly<Record<string, Kind>>): void {
  if (!KINDS.object(value)) throw badSummary(file, `${where} is not an object`);
  for (const [name, kind] of Object.entries(members)) {
    const found = Object.hasOwn(value as object, name) ? (value as Record<string, unknown>)[name] : undefined;
    if (!KINDS[kind](found))
      throw badSummary(file, `${where}: expected ${name} to be a ${kind}, got ${JSON.stringify(found)?.slice(0, 60) ?? 'nothing'}`);
  }
}
