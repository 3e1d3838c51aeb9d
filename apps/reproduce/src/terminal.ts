import pc from 'picocolors';

const isPlain = (process.env.NO_COLOR ?? '') !== '' || process.env.TERM === 'dumb' || process.stderr.isTTY !== true;

/** Colours for what goes to stderr; none where it is no terminal. */
export const paint = pc.createColors(!isPlain);

/** A line for people. Results go to stdout, everything else here. */
export function notice(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A line of the form `data     CIFAR-10, 50,000 pictures`. */
export function fact(name: string, text: string): void {
  notice(`${paint.dim(name.padEnd(8))} ${text}`);
}

/** Whether lines can be written over. */
export const isTerminal = process.stderr.isTTY === true;

/** A line that is written over by the next one; off a terminal only the last one, with `done`, is written. */
export function passing(line: string, done = false): void {
  if (process.stderr.isTTY === true) process.stderr.write(`\r${line}\u001B[K${done ? '\n' : ''}`);
  else if (done) notice(line);
}
