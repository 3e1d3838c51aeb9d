/** What {@link progress} needs of a stream; every Node.js writable stream has it. */
export interface TextStream {
  write(text: string): unknown;
  /** Whether it is a terminal. */
  readonly isTTY?: boolean;
  /** Width of the terminal, read anew for each line. */
  readonly columns?: number;
  /** False once it has ended. */
  readonly writable?: boolean;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

/** Streams that failed once; one listener per stream serves all sinks on it. */
const broken = new WeakMap<TextStream, { failed: boolean }>();

/** A way to write that never throws and goes quiet when the stream has ended or failed (`man train | head`). */
export function openSink(stream: TextStream): (text: string) => void {
  let state = broken.get(stream);
  if (state === undefined) {
    state = { failed: false };
    broken.set(stream, state);
    const seen = state;
    // Errors of a stream come later than its write; unheard, they would end the process.
    stream.on?.('error', () => {
      seen.failed = true;
    });
  }
  const known = state;
  return (text) => {
    if (known.failed || stream.writable === false) return;
    try {
      stream.write(text);
    } catch {
      known.failed = true;
    }
  };
}
