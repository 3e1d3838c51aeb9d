import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { formatBytes } from '@man/track';

/** The version of this program. */
export const VERSION = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;

/** Where numbers were measured, for reports. */
export function environment(facts: Readonly<Record<string, string | number>>): Record<string, string | number> {
  return {
    ...facts,
    processor: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} cores`,
    memory: formatBytes(totalmem()),
    // Speeds measured while others use the machine are too low.
    'load when it ended': loadavg()
      .map((load) => load.toFixed(1))
      .join(', '),
    'Node.js': process.version,
    'man-reproduce': VERSION,
  };
}

/** A moment for reports: `2026-11-23 22:21 UTC`. */
export function dateText(date = new Date()): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
