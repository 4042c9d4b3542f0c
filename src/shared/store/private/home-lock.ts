import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import lockfile from 'proper-lockfile';
import { systemClock } from '../../clock.js';
import { BatchError } from '../../errors.js';
import { systemCode } from '../system-code.js';

/** A holder that was killed blocks the others no longer than this (plus up to 1 s of rounding, plus settling). */
const staleMs = 3_000;
const updateMs = 1_000;
/** Longer than one update: by then a lock that two processes took at once is known to one of them as lost. */
const settleMs = 1_500;
const pauseMs = 50;
/** Longer than Redis may take to load a large append-only file, which happens under the lock. */
const patienceMs = 180_000;

interface HeldLock {
  release(): Promise<void>;
  lost: AbortSignal;
}

/**
 * Runs `work` while no other process starts, joins, or stops the private Redis of this folder.
 * @throws BatchError `bad_configuration` when the folder cannot be written, `redis_unreachable` when another
 * process holds the lock for minutes; and whatever `work` throws.
 */
export async function withHomeLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const held = await acquire(folder);
  try {
    return await work();
  } finally {
    await held.release();
  }
}

async function acquire(folder: string): Promise<HeldLock> {
  const lockPath = join(folder, 'redis.lock');
  const patience = AbortSignal.timeout(patienceMs);
  while (!patience.aborted) {
    const abandoned = await looksAbandoned(lockPath);
    const held = await tryLock(folder, lockPath);
    // The library removes a stale lock in two steps (look, then remove): of two processes that do so in the
    // same moment, one can remove the other's new lock, and two servers on one append-only file ruin it.
    if (held && (!abandoned || (await survives(held)))) return held;
    if (!held) await delay(pauseMs);
  }
  throw new BatchError(
    'redis_unreachable',
    `Another command has been starting or stopping the private Redis for ${patienceMs / 60_000} minutes (${lockPath}).`,
  );
}

async function tryLock(folder: string, lockfilePath: string): Promise<HeldLock | null> {
  const lost = new AbortController();
  try {
    const release = await lockfile.lock(folder, {
      lockfilePath,
      realpath: false,
      stale: staleMs,
      update: updateMs,
      retries: 0,
      onCompromised: () => lost.abort(),
    });
    return { lost: lost.signal, release: () => release().catch(ignoreLostLock) };
  } catch (cause) {
    if (systemCode(cause) === 'ELOCKED') return null;
    throw new BatchError(
      'bad_configuration',
      `The folder ${folder} (RIVYA_BATCH_HOME) cannot be used: ${messageOf(cause)}.`,
      { cause },
    );
  }
}

/** Whether a lock lies there that its holder has stopped renewing: whoever gets it now may have stolen it. */
async function looksAbandoned(lockPath: string): Promise<boolean> {
  const lock = await stat(lockPath).catch(() => null);
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
  if (systemCode(error) !== 'ERELEASED') throw error;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
