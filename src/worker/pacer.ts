import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../shared/clock.js';
import type { AccountLedger } from '../shared/ledger/account-ledger.js';

/** A turn further away than this gives the worker slot back instead of being waited for (S2). */
export const longestTurnWaitMs = 2_000;

/** Telling the shared pace of success more often than this would only cost round trips. */
const noteEveryMs = 1_000;

/** This process' side of the account's pace: waits for turns, passes on what the API answered. */
export class Pacer {
  private notedAtMs = 0;

  constructor(
    private readonly account: AccountLedger,
    private readonly clock: Clock,
    private readonly stopping: AbortSignal,
  ) {}

  /** Waits for a turn; `too_far` reserves none. */
  async turn(): Promise<{ kind: 'now' } | { kind: 'too_far'; waitMs: number }> {
    const turn = await this.account.takeTurn(longestTurnWaitMs);
    if (turn.kind === 'too_far') return turn;
    // A process that stops goes without its turn rather than before it (S7).
    if ((await this.wait(turn.waitMs)) === 'stopping') return { ...turn, kind: 'too_far' };
    return { kind: 'now' };
  }

  /** Sleeps; when the process is to stop, returns at once with 'stopping'. */
  async wait(waitMs: number): Promise<'waited' | 'stopping'> {
    if (this.stopping.aborted) return 'stopping';
    if (waitMs <= 0) return 'waited';
    try {
      await sleep(waitMs, undefined, { signal: this.stopping });
      return 'waited';
    } catch (error) {
      if (this.stopping.aborted) return 'stopping';
      throw error;
    }
  }

  /** The API took a request: anything but 429. */
  async taken(): Promise<void> {
    const now = this.clock.now();
    if (now - this.notedAtMs < noteEveryMs) return;
    this.notedAtMs = now;
    await this.account.noteTaken();
  }

  /** The API answered 429; returns for how long nothing is sent. */
  async refused(retryAfterMs: number | null): Promise<number> {
    return this.account.noteRefused(retryAfterMs);
  }
}
