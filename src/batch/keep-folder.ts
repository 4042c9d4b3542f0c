import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchLedger } from '../ledger/batch-ledger.js';
import { mirrorAt } from '../results/mirror.js';
import { BatchError } from '../shared/errors.js';

/**
 * `elsewhere`: another machine has the folder just now, and writes what is made here; unless it says so again, for so long
 * (ms).
 */
export type Kept = { kind: 'here' } | { kind: 'elsewhere'; machine: string; forMs: number };

/**
 * Whether a batch's folder is here. A plain folder is where it is; one that mirrors a bucket is on one machine at a time,
 * which says so again and again. Whoever takes it over has what the bucket holds before it goes on.
 */
export async function keepFolder(
  ledger: Pick<BatchLedger, 'keepFolder'>,
  out: string,
  who: 'worker' | 'command' = 'command',
): Promise<Kept> {
  const mirror = await mirrorAt(out);
  if (mirror === null) return { kind: 'here' };
  const kept = await ledger.keepFolder(await mirror.machine(), who);
  if (kept.kind === 'busy') {
    const [machine = 'another machine'] = kept.machine.split(' ', 1);
    return { kind: 'elsewhere', machine, forMs: kept.forMs };
  }
  if (kept.kind === 'taken' || (await mirror.isBehind())) await mirror.fetch();
  return { kind: 'here' };
}

/** Another machine need not wait until it is sure that this one is gone. */
export async function leaveKeptFolder(
  ledger: Pick<BatchLedger, 'leaveFolder'>,
  out: string,
): Promise<void> {
  const mirror = await mirrorAt(out);
  if (mirror !== null) await ledger.leaveFolder(await mirror.machine());
}

/** One that is not heard of any more has it no longer than this. */
const patienceMs = 25_000;
const lookAgainMs = 500;

/** Keeps the folder here, unless another machine is heard to have it: one that is gone is heard no more. */
export async function keepUnlessServed(
  ledger: Pick<BatchLedger, 'keepFolder'>,
  out: string,
): Promise<Kept> {
  let leftMs = Number.POSITIVE_INFINITY;
  for (;;) {
    const kept = await keepFolder(ledger, out);
    if (kept.kind === 'here' || kept.forMs > leftMs) return kept;
    leftMs = kept.forMs;
    await sleep(lookAgainMs);
  }
}

/**
 * Keeps the folder here, once a machine that is gone is known to be.
 * @throws BatchError `batch_conflict` where another one goes on having it
 */
export async function requireFolder(
  ledger: Pick<BatchLedger, 'keepFolder' | 'batch'>,
  out: string,
): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += lookAgainMs) {
    const kept = await keepFolder(ledger, out);
    if (kept.kind === 'here') return;
    if (waitedMs >= patienceMs) {
      throw new BatchError(
        'batch_conflict',
        `Batch ${ledger.batch} is being written by ${kept.machine}: let that go on (a worker there makes what is queued), or stop it first.`,
      );
    }
    await sleep(lookAgainMs);
  }
}
