import { noCompiler, noPip, noPython } from './errors.ts';
import { compilerCommand, pipCommand } from './platform.ts';
import { runTool, type ToolOptions } from './run-tool.ts';

/** A command that answered, with the arguments that always come first, and what it said it is. */
export interface Tool {
  readonly command: string;
  readonly args: readonly string[];
  readonly version: string;
}

type Where = Pick<ToolOptions, 'env' | 'signal'>;

/** Enough for a cold start from a slow network disk; a tool that hangs must not hang us. */
const ANSWER_MS = 20_000;

/**
 * Python 3: `PYTHON`, else `python3`, else `python`.
 *
 * @throws MAN_NATIVE_NO_PYTHON
 */
export async function findPython(where: Where): Promise<Tool> {
  const tried = where.env.PYTHON ? [where.env.PYTHON] : ['python3', 'python'];
  for (const command of tried) {
    const result = await runTool(command, ['--version'], { ...where, timeoutMs: ANSWER_MS });
    const version = /^Python (3\.\d+\S*)/.exec(result.stdout || result.stderr)?.[1];
    if (result.code === 0 && version !== undefined) return { command, args: [], version };
  }
  throw noPython(tried, pipCommand());
}

/**
 * pip: that of `python`, else `pip3`, else `pip`.
 *
 * @throws MAN_NATIVE_NO_PIP
 */
export async function findPip(python: Tool, where: Where): Promise<Tool> {
  const candidates: [string, string[]][] = [
    [python.command, ['-m', 'pip']],
    ['pip3', []],
    ['pip', []],
  ];
  for (const [command, args] of candidates) {
    const result = await runTool(command, [...args, '--version'], { ...where, timeoutMs: ANSWER_MS });
    const version = /^pip (\d\S*)/m.exec(result.stdout)?.[1];
    if (result.code === 0 && version !== undefined) return { command, args, version };
  }
  throw noPip(python.command, pipCommand());
}

/**
 * A C++ compiler: `CXX` (with its arguments), else `g++`, `clang++`, `c++`.
 *
 * @throws MAN_NATIVE_NO_COMPILER
 */
export async function findCompiler(where: Where): Promise<Tool> {
  const tried = where.env.CXX?.trim() ? [where.env.CXX.trim()] : ['g++', 'clang++', 'c++'];
  for (const candidate of tried) {
    const [command = '', ...args] = candidate.split(/\s+/);
    const result = await runTool(command, [...args, '--version'], { ...where, timeoutMs: ANSWER_MS });
    if (result.code === 0) return { command, args, version: result.stdout.split('\n', 1)[0]?.trim() || command };
  }
  throw noCompiler(tried, compilerCommand());
}

/** Whether an NVIDIA driver answers on this machine, with the names of its devices. */
export async function nvidiaDevices(where: Where): Promise<string[]> {
  const result = await runTool('nvidia-smi', ['-L'], { ...where, timeoutMs: ANSWER_MS });
  return result.code === 0 ? result.stdout.split('\n').filter((line) => line.startsWith('GPU ')) : [];
}
