import { setTimeout as sleep } from 'node:timers/promises';
import { cancelled, lockLost } from './errors.ts';

/** Options of {@link withLock}. */
export interface LockOptions {
  readonly signal: AbortSignal | undefined;
  /** Called once, when another process holds the lock. */
  readonly onWait: () => void;
}

/**
 * Runs `work` while no other process runs work on the same `path`; the lock of a process that died is taken over after ten seconds.
 *
 * @param path an existing folder that the lock `<path>/<name>.lock` is made in
 * @throws MAN_NATIVE_CANCELLED
 * @throws MAN_NATIVE_LOCK_LOST
 */
export async function withLock<T>(path: string, name: string, options: LockOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  // Imported here because importing it installs signal handlers.
  const { default: lockfile } = await import('proper-lockfile');
  const lost = new AbortController();
  const take = () =>
    lockfile.lock(path, { lockfilePath: `${path}/${name}.lock`, stale: 10_000, onCompromised: (error) => lost.abort(error) });
  const release = await waitFor(take, options);
  try {
    return await work(options.signal === undefined ? lost.signal : AbortSignal.any([options.signal, lost.signal]));
  } catch (error) {
    throw lost.signal.aborted ? lockLost(path, lost.signal.reason) : error;
  } finally {
    // A lock that was lost is no longer ours to release.
    await release().catch(() => undefined);
  }
}

async function waitFor(take: () => Promise<() => Promise<void>>, { signal, onWait }: LockOptions): Promise<() => Promise<void>> {
  for (let waited = false; ; waited = true) {
    if (signal?.aborted) throw cancelled();
    try {
      return await take();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
    }
    if (!waited) onWait();
    await sleep(250);
  }
}
