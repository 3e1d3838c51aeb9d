import { afterEach, describe, expect, it, vi } from 'vitest';
import { listenForStop, STOP_MESSAGE } from './stop.ts';

const send = process.send;
afterEach(() => {
  if (send !== undefined) process.send = send;
  vi.restoreAllMocks();
});

/** As if nobody had started this process; tests themselves run in a child process. */
function listenAlone(onSecond?: () => void) {
  delete process.send;
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const stop = listenForStop(onSecond);
  if (send !== undefined) process.send = send;
  return stop;
}

describe('listenForStop', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('hears %s, and ends at once with the second', (signal, code) => {
    const exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never);
    const onSecond = vi.fn();
    const stop = listenAlone(onSecond);
    expect([stop.signal.aborted, stop.exitCode()]).toEqual([false, 0]);
    process.emit(signal, signal);
    expect([stop.signal.aborted, stop.exitCode(), exit.mock.calls.length]).toEqual([true, code, 0]);
    process.emit(signal, signal);
    expect([onSecond.mock.calls.length, exit.mock.calls]).toEqual([1, [[code]]]);
    stop.dispose();
    expect(process.listenerCount(signal)).toBe(0);
  });

  it.runIf(send !== undefined)('heeds its parent, not the Ctrl-C that a terminal sends to both', () => {
    // The parent here is the test runner, whose line must stay open.
    vi.spyOn(process, 'disconnect').mockReturnValue(undefined);
    const stop = listenForStop();
    process.emit('SIGINT', 'SIGINT');
    process.emit('message', 'something else', undefined);
    expect(stop.signal.aborted).toBe(false);
    process.emit('message', STOP_MESSAGE, undefined);
    expect([stop.signal.aborted, stop.exitCode()]).toEqual([true, 130]);
    stop.dispose();
  });
});
