import { runTool } from './run-tool.ts';

/** What a child process found when it trained a tiny convolution with the addon. */
export type Probe =
  | {
      readonly works: true;
      /** Version of TensorFlow as the library says. */
      readonly tensorflow: string;
      readonly device: 'cpu' | 'gpu';
      /** Threads oneDNN was given; `undefined` when it did not say. */
      readonly threads: number | undefined;
      /** Whether oneDNN computed the convolution. */
      readonly oneDnn: boolean;
      /** Instruction set oneDNN chose. */
      readonly instructions: string | undefined;
    }
  | { readonly works: false; readonly error: string; readonly illegalInstruction: boolean };

/** Options of {@link probe}. */
export interface ProbeOptions {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly signal?: AbortSignal | undefined;
}

/** A child process because the addon crashes rather than throws, and because it cannot be unloaded. */
const SCRIPT = `
const util = require('node:util');
// tfjs-node 4.22 calls these two, which Node 23 removed.
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
util.isArray ??= Array.isArray;
const tf = require(process.argv[1]);
const filter = tf.variable(tf.fill([3, 3, 8, 8], 0.1));
const images = tf.ones([4, 16, 16, 8]);
const sgd = tf.train.sgd(1e-4);
const loss = () => tf.tidy(() => tf.conv2d(images, filter, 1, 'same').square().mean());
const [before, after] = [0, 1].map(() => sgd.minimize(loss, true).dataSync()[0]);
const backend = tf.backend();
const report = { before, after, backend: tf.getBackend(), gpu: backend.isUsingGpuDevice, tensorflow: backend.binding.TF_Version };
process.stderr.write('\\nman-native:' + JSON.stringify(report) + '\\n');
`;

interface Report {
  before: number;
  after: number;
  backend: string;
  gpu: boolean;
  tensorflow: string;
}

/** Loads the package in `dir` in a child process and trains two steps of a small convolution. */
export async function probe(dir: string, { env, signal }: ProbeOptions): Promise<Probe> {
  const { NODE_OPTIONS: _, ...clean } = env;
  const result = await runTool(process.execPath, ['-e', SCRIPT, dir], {
    cwd: dir,
    signal,
    timeoutMs: 180_000,
    // oneDNN says on standard output what it is given and what it computes: the only first-hand answer there is.
    env: { TF_CPP_MIN_LOG_LEVEL: '2', TF_FORCE_GPU_ALLOW_GROWTH: 'true', ...clean, ONEDNN_VERBOSE: '1' },
  });
  const report = /man-native:(\{.*\})/.exec(result.stderr)?.[1];
  if (result.code !== 0 || report === undefined) {
    const ending = result.killedBy === null ? `exit code ${result.code}` : `stopped by ${result.killedBy}`;
    return { works: false, error: `${readable(result.stderr)}\n(${ending})`.trim(), illegalInstruction: result.killedBy === 'SIGILL' };
  }
  return judge(JSON.parse(report) as Report, result.stdout);
}

function judge(report: Report, verbose: string): Probe {
  if (report.backend !== 'tensorflow' || !(report.after < report.before)) {
    const error = `training did not lower the loss (${report.before} → ${report.after}, backend ${report.backend})`;
    return { works: false, error, illegalInstruction: false };
  }
  const threads = /cpu,runtime:\w+,nthr:(\d+)/.exec(verbose)?.[1];
  return {
    works: true,
    tensorflow: report.tensorflow,
    device: report.gpu ? 'gpu' : 'cpu',
    threads: threads === undefined ? undefined : Number(threads),
    oneDnn: /,exec,cpu,convolution,/.test(verbose),
    instructions: /cpu,isa:(.+)/.exec(verbose)?.[1],
  };
}

/** The message of a thrown error without the source line and stack that Node prints around it. */
export function readable(stderr: string): string {
  const thrown = /^\w*Error: ([\s\S]*?)(?=\n {4}at |\n\n|$)/m.exec(stderr)?.[1];
  return (thrown ?? stderr.split('\n').slice(-12).join('\n')).trim();
}
