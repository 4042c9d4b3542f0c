import { setTimeout as sleep } from 'node:timers/promises';
import type { AccountLedger, Lane, LimitHint, Turn } from '../../ledger/account-ledger.js';
import type { Pressure } from '../../ledger/account-view.js';
import type { SubmitPermit } from '../../ledger/brief-ledger.js';
import type { WorkAhead } from '../polling/policy.js';

/** A turn further away than this gives the worker slot back instead of being waited for (S2). */
export const longestTurnWaitMs = 2_000;

/** Telling the shared pace of success more often than this would only cost round trips. */
const noteEveryMs = 1_000;

/**
 * Requests of one process keep so much of the spacing between them, however late a timer was: a window of the API
 * would else hold one too many. What is left is for catching up.
 */
const leastSpacing = 0.985;

/** What became of a turn that was given: it is now; a 429 took it back; the process is to stop. */
export type TurnEnd = 'now' | 'recalled' | 'stopping';

/** How busy the account is, as leave to submit says. */
type Load = Pick<Extract<SubmitPermit, { kind: 'go' }>, 'pressure' | 'spacingMs' | 'reach'>;

/** This process' side of the account's pace: waits for turns, passes on what the API answered. */
export class Pacer {
  private readonly notedAtMs: Record<Lane, number> = {
    submit: Number.NEGATIVE_INFINITY,
    read: Number.NEGATIVE_INFINITY,
  };
  private readonly waiting = new Set<() => void>();
  private lastSentMs = Number.NEGATIVE_INFINITY;
  private seen: Load = {
    pressure: 'none',
    spacingMs: Number.POSITIVE_INFINITY,
    reach: Number.POSITIVE_INFINITY,
  };

  /** @param elapsedMs a clock that only ever goes forward, whatever becomes of the time of day */
  constructor(
    private readonly account: AccountLedger,
    private readonly stopping: AbortSignal,
    private readonly elapsedMs: () => number = () => performance.now(),
  ) {}

  /**
   * Waits for a read's turn; `too_far` keeps none.
   * @param member who asks, for a place in the line where turns are scarce
   * @param given called once it is known whether there is one, so that the next may ask while this one waits for its
   */
  async turn(
    member = '',
    given: (waitMs: number) => void = () => undefined,
  ): Promise<{ kind: 'now' } | { kind: 'too_far'; waitMs: number }> {
    const turn = await this.account.takeTurn(longestTurnWaitMs, member);
    this.noteTurn(turn);
    if (turn.kind === 'taken') given(turn.waitMs);
    if (turn.kind === 'too_far') return { kind: 'too_far', waitMs: turn.waitMs };
    // A process that stops goes without its turn rather than before it (S7).
    if ((await this.keepTurn(turn)) === 'now') return { kind: 'now' };
    return { kind: 'too_far', waitMs: turn.waitMs };
  }

  /** Waits until a turn that was given begins. */
  async keepTurn({ waitMs, spacingMs }: Pick<Turn, 'waitMs' | 'spacingMs'>): Promise<TurnEnd> {
    let ended = await this.untilTurn(waitMs);
    const leastMs = spacingMs * leastSpacing;
    // Each that is woken looks again: another one may have gone before it meanwhile.
    for (;;) {
      const tooSoonMs = this.lastSentMs + leastMs - this.elapsedMs();
      // No timer is that exact.
      if (ended !== 'now' || tooSoonMs < 1) break;
      ended = await this.untilTurn(tooSoonMs);
    }
    if (ended === 'now') this.lastSentMs = this.elapsedMs();
    return ended;
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

  /** What leave to submit says of the account. */
  noteLoad({ pressure, spacingMs, reach }: Load): void {
    this.seen = { pressure, spacingMs, reach };
  }

  /** Likewise a turn, but for the reach. */
  noteTurn({ pressure, spacingMs }: Turn): void {
    this.noteLoad({ ...this.seen, pressure, spacingMs });
  }

  /**
   * What limited the account when this process last asked, and for how long the pace has something to send.
   * @param briefsLeft in this process, infinite while nobody knows; those of others are not known
   */
  load(briefsLeft: number): { pressure: Pressure; ahead: WorkAhead } {
    const { pressure, spacingMs, reach } = this.seen;
    // Whoever asks has one in hand, whatever was last read.
    const left = Math.max(1, briefsLeft);
    return { pressure, ahead: { leftMs: left * spacingMs, placedMs: reach * spacingMs } };
  }

  /** The API took a request: anything but 429. Returns for how long its headers alone now hold everybody. */
  async taken(lane: Lane, hint: LimitHint | null): Promise<number> {
    const now = this.elapsedMs();
    if (now - this.notedAtMs[lane] < noteEveryMs) return 0;
    this.notedAtMs[lane] = now;
    return this.account.noteTaken(lane, hint);
  }

  /** The API answered 429: turns that wait here are taken back. Returns for how long nothing is sent. */
  async refused(lane: Lane, retryAfterMs: number | null): Promise<number> {
    for (const recall of [...this.waiting]) recall();
    return this.account.noteRefused(retryAfterMs, lane);
  }

  private async untilTurn(waitMs: number): Promise<TurnEnd> {
    if (this.stopping.aborted) return 'stopping';
    if (waitMs <= 0) return 'now';
    const recalled = new AbortController();
    const recall = () => recalled.abort();
    this.waiting.add(recall);
    this.stopping.addEventListener('abort', recall);
    try {
      await sleep(waitMs, undefined, { signal: recalled.signal });
      return 'now';
    } catch (error) {
      if (!recalled.signal.aborted) throw error;
      return this.stopping.aborted ? 'stopping' : 'recalled';
    } finally {
      this.waiting.delete(recall);
      this.stopping.removeEventListener('abort', recall);
    }
  }
}
