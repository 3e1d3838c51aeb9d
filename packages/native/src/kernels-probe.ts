import type { ProbeOptions } from './probe.ts';
import { readable } from './probe.ts';
import { runTool } from './run-tool.ts';

/** A child process, since kernels for instructions that the processor lacks would end ours. */
const SCRIPT = `
const util = require('node:util');
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
util.isArray ??= Array.isArray;
const tf = require(process.argv[1]);
const { instructions, threads } = require(process.argv[2]);
const backend = tf.backend();
const { TF_ATTR_INT, TF_ATTR_BOOL, TF_ATTR_FLOAT } = backend.binding;
const type = (name, value) => (typeof value === 'boolean' ? TF_ATTR_BOOL : ['epsilon', 'momentum'].includes(name) ? TF_ATTR_FLOAT : TF_ATTR_INT);
const run = (name, inputs, outputs, attributes) =>
  backend.executeMultipleOutputs(name, Object.entries(attributes).map(([key, value]) => ({ name: key, type: type(key, value), value })), inputs, outputs);
const none = tf.tensor1d([]);
const compare = (ours, theirs, what) => {
  const difference = tf.sub(ours, theirs).abs().max().dataSync()[0] / theirs.abs().max().dataSync()[0];
  if (!(difference < 1e-3)) throw new Error(what + ' differs from that of TensorFlow by ' + difference);
};
for (const [size, kernel, stride, padding, channels, filters] of [[9, 3, 1, 1, 5, 20], [16, 3, 1, 1, 16, 16], [8, 3, 2, 1, 16, 33], [7, 1, 2, 0, 3, 8]]) {
  const x = tf.randomNormal([3, size, size, channels]), filter = tf.randomNormal([kernel, kernel, channels, filters]);
  const border = [padding, padding];
  const convolve = (x, filter) => tf.conv2d(tf.pad(x, [[0, 0], border, border, [0, 0]]), filter, stride, 'valid');
  const expected = convolve(x, filter), dy = tf.randomNormal(expected.shape);
  const [dx, filterGradient] = tf.grads(convolve)([x, filter], dy);
  const at = { stride, padding, height: 0, width: 0, groups: 1, input_relu: false };
  const [y] = run('ManConvolve', [x, none, filter, none, none, none, none, none], 4, { ...at, norm: 0, epsilon: 1e-5, momentum: 0.1 });
  const wants = { wants_input: true, wants_filter: true, wants_bias: false };
  const back = run('ManConvolveGradient', [x, none, filter, dy, none, none, none, none, none, none], 5, { ...at, ...wants });
  const name = kernel + 'x' + kernel + ' convolution';
  compare(y, expected, 'the ' + name);
  compare(back[0], dx, 'the input gradient of the ' + name);
  compare(back[3], filterGradient, 'the filter gradient of the ' + name);
}
process.stderr.write('\\nman-kernels:' + JSON.stringify({ instructions, threads }) + '\\n');
`;

/** What a child process found when it compared the kernels in `file` with those of the package in `dir`. */
export async function probeKernels(
  dir: string,
  file: string,
  { env, signal }: ProbeOptions,
): Promise<{ readonly instructions: string; readonly threads: number } | { readonly reason: string }> {
  const { NODE_OPTIONS: _, ...clean } = env;
  const result = await runTool(process.execPath, ['-e', SCRIPT, dir, file], {
    cwd: dir,
    signal,
    timeoutMs: 180_000,
    env: { TF_CPP_MIN_LOG_LEVEL: '2', CUDA_VISIBLE_DEVICES: '', ...clean },
  });
  const report = /man-kernels:(\{.*\})/.exec(result.stderr)?.[1];
  if (result.code === 0 && report !== undefined) return JSON.parse(report) as { instructions: string; threads: number };
  const lines = readable(result.stderr).split('\n');
  return { reason: result.killedBy === null ? (lines[0] ?? 'no reason') : `their test was ended by ${result.killedBy}` };
}
