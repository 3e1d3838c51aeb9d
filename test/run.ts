import { spawn } from 'node:child_process';

export interface Ended {
  /** Exit code; a signal that ended the process counts as 128. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs?: number;
}

/** The environment of a user's shell: nothing of the test runner, nothing of where this machine keeps pictures. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(VITEST|VITE_|NODE_ENV$|NODE_OPTIONS$|MAN_DATA_DIR$|npm_|INIT_CWD$|FORCE_COLOR$|TEST$|PROD$|DEV$|MODE$|BASE_URL$|SSR$)/;
  const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: '1', TF_CPP_MIN_LOG_LEVEL: '2' };
}

/** Runs a program to its end, without a terminal and without input. */
export function run(command: string, args: readonly string[], options: RunOptions): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const env = { ...cleanEnvironment(), ...options.env };
    const child = spawn(command, args, { cwd: options.cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: options.timeoutMs ?? 120_000 });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 128, stdout, stderr }));
  });
}

/** As {@link run}; throws with what was printed when the exit code is not 0. */
export async function runWell(command: string, args: readonly string[], options: RunOptions): Promise<Ended> {
  const ended = await run(command, args, options);
  if (ended.code !== 0) {
    throw new Error(
      `\`${[command, ...args].join(' ')}\` ended with ${ended.code}\n${ended.stdout.slice(-4000)}\n${ended.stderr.slice(-4000)}`,
    );
  }
  return ended;
}
