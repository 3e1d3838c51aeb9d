import { link, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { diskError, locked } from './errors.ts';

/** How often the owner shows that it lives, and after how long without a sign its lock is taken from it. */
const BEAT_MS = 5_000;
const STALE_MS = 60_000;

/**
 * Runs `work` while this process alone holds `<file>.lock`; others wait for it.
 *
 * A lock whose owner is gone (same machine: no such process; else no sign of life for a minute) is taken over.
 *
 * @throws `MAN_DATA_LOCKED` after `timeoutMs`, `MAN_DATA_DISK`
 */
export async function withLock<T>(file: string, timeoutMs: number, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const lock = `${file}.lock`;
  const deadline = Date.now() + timeoutMs;
  while (!(await acquire(lock))) {
    signal?.throwIfAborted();
    const stale = await staleOwner(lock);
    if (stale !== null) await takeAway(lock, stale);
    else if (Date.now() > deadline) throw locked(file, lock, await ownerOf(lock));
    else await sleep(100, undefined, signal === undefined ? {} : { signal });
  }
  const beat = setInterval(() => {
    utimes(lock, new Date(), new Date()).catch(() => {});
  }, BEAT_MS);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(lock, { force: true });
  }
}

async function acquire(lock: string): Promise<boolean> {
  try {
    const handle = await open(lock, 'wx');
    await handle.writeFile(`${process.pid} ${hostname()}\n`);
    await handle.close();
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw diskError('write', lock, cause);
  }
}

/** Who the lock says it belongs to, if that owner is gone; null while it lives. */
async function staleOwner(lock: string): Promise<string | null> {
  const owner = await ownerOf(lock);
  const { mtimeMs } = await stat(lock).catch(() => ({ mtimeMs: Date.now() }));
  if (Date.now() - mtimeMs > STALE_MS) return owner;
  const [pid, host] = owner.split(' ');
  return host === hostname() && !isAlive(Number(pid)) ? owner : null;
}

/** Removes a stale lock, but not the new one of a process that was faster. */
async function takeAway(lock: string, stale: string): Promise<void> {
  const aside = `${lock}.${process.pid}`;
  try {
    await rename(lock, aside);
    if ((await ownerOf(aside)) !== stale) await link(aside, lock);
  } catch {
    // Another process has taken it away already, or holds it again.
  }
  await rm(aside, { force: true });
}

const ownerOf = async (lock: string) => (await readFile(lock, 'utf8').catch(() => '')).trim();

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
