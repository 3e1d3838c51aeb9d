import { notice } from './terminal.ts';

/** Exit code of a process that a signal ended, as shells have it. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
type StopSignal = keyof typeof EXIT_CODES;

/** What stops a run: Ctrl-C, SIGTERM, or the process that started it. */
export interface Stop {
  readonly signal: AbortSignal;
  /** 130 or 143 once it was stopped, else 0. */
  exitCode(): number;
  /** Ends the listening. */
  dispose(): void;
}

/** What the parent of a process sends to end it like Ctrl-C. */
export const STOP_MESSAGE = 'man-reproduce:stop';

/**
 * Listens for requests to stop. The first one lets the running step end and everything be written, the second one ends the process.
 *
 * A process with a parent that speaks to it heeds that one only: a terminal sends Ctrl-C to both.
 *
 * @param onSecond called before the process ends at once
 */
export function listenForStop(onSecond: () => void = () => {}): Stop {
  const controller = new AbortController();
  let exitCode = 0;
  const isChild = process.send !== undefined;
  const stop = (signal: StopSignal) => {
    if (controller.signal.aborted) {
      onSecond();
      process.exit(EXIT_CODES[signal]);
    }
    exitCode = EXIT_CODES[signal];
    notice('\nStopping after the running step; what there is will be written. Once more ends it at once.');
    controller.abort();
  };
  const fromParent = () => {
    exitCode = EXIT_CODES.SIGINT;
    controller.abort();
  };
  const onMessage = (message: unknown) => {
    if (message === STOP_MESSAGE) fromParent();
  };
  const onSignal = (signal: NodeJS.Signals) => {
    if (!isChild) stop(signal as StopSignal);
    else if (signal === 'SIGTERM') fromParent();
  };
  for (const signal of Object.keys(EXIT_CODES)) process.on(signal, onSignal);
  if (isChild) {
    process.on('message', onMessage);
    process.on('disconnect', fromParent);
  }
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
    dispose() {
      for (const signal of Object.keys(EXIT_CODES)) process.off(signal, onSignal);
      process.off('message', onMessage);
      process.off('disconnect', fromParent);
      if (isChild && process.connected) process.disconnect();
    },
  };
}
