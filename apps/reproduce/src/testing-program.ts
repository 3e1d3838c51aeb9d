import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, vi } from 'vitest';

/** The program as it is built; cli.test.ts builds it where it is missing. */
const PROGRAM = fileURLToPath(new URL('../bin/man-reproduce.js', import.meta.url));

/** How a run of the program ended, and what it printed. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Looking on while it runs. */
export interface Watching {
  readonly env?: Readonly<Record<string, string>>;
  readonly onStart?: (child: ChildProcess) => void;
  /** @param text all that there is so far */
  readonly onStderr?: (text: string, child: ChildProcess) => void;
}

/** A folder for the tests of a file, in which the built program runs, without pictures of this machine and without network. */
export function programIn(name: string): { readonly folder: string; run(args: readonly string[], watching?: Watching): Promise<Ended> } {
  const folder = mkdtempSync(join(tmpdir(), `man-${name}-`));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const nowhere = { MAN_DATA_DIR: '', XDG_CACHE_HOME: folder, MAN_CIFAR10_URL: 'http://127.0.0.1:9/x' };
  const run = (args: readonly string[], { env = {}, onStart, onStderr }: Watching = {}) =>
    new Promise<Ended>((resolve, reject) => {
      const child = spawn(process.execPath, [PROGRAM, ...args], {
        cwd: folder,
        env: { ...process.env, ...nowhere, NO_COLOR: '1', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (text) => {
        stdout += text;
      });
      child.stderr.on('data', (text) => {
        stderr += text;
        onStderr?.(stderr, child);
      });
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, stdout, stderr }));
      onStart?.(child);
    });
  return { folder, run };
}

/** What tests of a file write to the streams of this process, kept from them; anew for each test, behind which all mocks are restored. */
export function captureOutput(): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  beforeEach(() => {
    for (const name of ['stdout', 'stderr'] as const) {
      output[name] = '';
      vi.spyOn(process[name], 'write').mockImplementation((text) => {
        output[name] += String(text);
        return true;
      });
    }
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });
  return output;
}
