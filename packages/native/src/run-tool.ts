import { type ChildProcess, spawn } from 'node:child_process';
import { cancelled } from './errors.ts';

/** How a tool ended; `missing` when there is no such command. */
export interface ToolResult {
  readonly missing: boolean;
  readonly code: number | null;
  readonly killedBy: NodeJS.Signals | null;
  /** The last 64 KB each. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of {@link runTool}. */
export interface ToolOptions {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly cwd?: string;
  readonly signal?: AbortSignal | undefined;
  /** Called with every whole line of standard output. */
  readonly onLine?: (line: string) => void;
  /** After this the tool is killed. Default: none. */
  readonly timeoutMs?: number;
}

const KEEP = 65_536;

/**
 * Runs a command to its end and returns how it ended; only cancelling throws.
 *
 * @throws MAN_NATIVE_CANCELLED
 */
export function runTool(command: string, args: readonly string[], options: ToolOptions): Promise<ToolResult> {
  if (options.signal?.aborted) return Promise.reject(cancelled());
  return new Promise((resolve, reject) => {
    // A process group of its own, so that whatever the tool started ends with it.
    const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const out = collect(child.stdout, options.onLine);
    const err = collect(child.stderr);
    const stop = () => killGroup(child);
    options.signal?.addEventListener('abort', stop, { once: true });
    const timer = options.timeoutMs === undefined ? undefined : setTimeout(stop, options.timeoutMs);
    const end = (missing: boolean, code: number | null, killedBy: NodeJS.Signals | null) => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', stop);
      if (options.signal?.aborted) reject(cancelled());
      else resolve({ missing, code, killedBy, stdout: out(), stderr: err() });
    };
    child.once('error', () => end(true, null, null));
    child.once('close', (code, signal) => end(false, code, signal));
  });
}

function killGroup(child: ChildProcess): void {
  const send = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // The group is gone already.
    }
  };
  send('SIGTERM');
  const timer = setTimeout(() => send('SIGKILL'), 2000);
  child.once('close', () => clearTimeout(timer));
}

function collect(stream: NodeJS.ReadableStream, onLine?: (line: string) => void): () => string {
  let text = '';
  let line = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text = (text + chunk).slice(-KEEP);
    if (onLine === undefined) return;
    const lines = (line + chunk).split('\n');
    line = lines.pop() ?? '';
    for (const whole of lines) onLine(whole);
  });
  return () => text;
}
