import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import lockfile from 'proper-lockfile';
import { systemClock } from './clock.js';
import type { BatchError } from './errors.js';

/** A holder that was killed blocks the others no longer than this (plus up to 1 s of rounding, plus settling). */
const staleMs = 3_000;
const updateMs = 1_000;
/** Longer than one update: by then a lock that two processes took at once is known to one of them as lost. */
const settleMs = 1_500;
const pauseMs = 50;

export interface FileLock {
  /** What lies there while somebody holds it; its folder is there already. */
  path: string;
  patienceMs: number;
  /** Somebody has held it for all that time. */
  heldTooLong(): BatchError;
  /** It cannot be put there. */
  impossible(cause: unknown): BatchError;
}

interface HeldLock {
  release(): Promise<void>;
  lost: AbortSignal;
}

/** Runs `work` while no other process of this machine, or of those that share the disk, works under the same lock. */
export async function withFileLock<T>(lock: FileLock, work: () => Promise<T>): Promise<T> {
  const held = await acquire(lock);
  try {
    return await work();
  } finally {
    await held.release();
  }
}

async function acquire(lock: FileLock): Promise<HeldLock> {
  const patience = AbortSignal.timeout(lock.patienceMs);
  while (!patience.aborted) {
    const abandoned = await looksAbandoned(lock.path);
    const held = await tryLock(lock);
    // The library removes a stale lock in two steps (look, then remove): of two processes that do so in the
    // same moment, one can remove the other's new lock, and both would work.
    if (held && (!abandoned || (await survives(held)))) return held;
    if (!held) await delay(pauseMs);
  }
  throw lock.heldTooLong();
}

async function tryLock(lock: FileLock): Promise<HeldLock | null> {
  const lost = new AbortController();
  try {
    const release = await lockfile.lock(lock.path, {
      lockfilePath: lock.path,
      realpath: false,
      stale: staleMs,
      update: updateMs,
      retries: 0,
      onCompromised: () => lost.abort(),
    });
    return { lost: lost.signal, release: () => release().catch(ignoreLostLock) };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ELOCKED') return null;
    throw lock.impossible(cause);
  }
}

/** Whether a lock lies there that its holder has stopped renewing: whoever gets it now may have stolen it. */
async function looksAbandoned(path: string): Promise<boolean> {
  const lock = await stat(path).catch(() => null);
  return lock !== null && lock.mtimeMs < systemClock.now() - (staleMs - updateMs);
}

async function survives(held: HeldLock): Promise<boolean> {
  return delay(settleMs, undefined, { signal: held.lost }).then(
    () => true,
    () => false,
  );
}

function ignoreLostLock(error: unknown): void {
  // A holder that stood still for seconds (a suspended laptop) has lost the lock already.
  if ((error as NodeJS.ErrnoException).code !== 'ERELEASED') throw error;
}
