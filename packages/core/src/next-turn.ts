/**
 * Lets signals, timers and messages have their turn. With batches at hand a loop over steps never would, and a Ctrl-C were
 * not heard until the end of the epoch.
 */
export function nextTurn(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?: (f: () => void) => void };
  return new Promise((resolve) => {
    if (setImmediate === undefined) setTimeout(resolve, 0);
    else setImmediate(resolve);
  });
}
