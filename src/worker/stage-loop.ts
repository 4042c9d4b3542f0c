import type { Logger } from 'pino';
import type { Clock } from '../shared/clock.js';
import { rescueEveryMs } from '../shared/queues.js';
import type { StageFeed } from './stage-feed.js';
import type { Seat } from './stages/step.js';

/** Locks of jobs that take longer are renewed this often. */
const renewEveryMs = 2_500;
/** Of so many jobs in a row, one goes to whoever has waited longest, whatever its priority. */
const turnsOfAll = 4;
const longestTimerMs = 3_600_000;
/** Whatever is to be waited for, nothing is asked over and over. */
const shortestHoldMs = 20;

export interface StageLoopOptions {
  /** Jobs that may have a seat at once. */
  seats: number;
  /** Asked before the first job is taken after a hold: for how many ms there is no leave, 0 for none. */
  leave?(): Promise<number>;
  clock: Clock;
  log: Logger;
}

/** Whoever asks for longer (Redis may be away) keeps nobody else from asking. */
const longestAskMs = 10_000;
/** A turn that begins sooner was given freely: the pace is not what limits. */
const freelyMs = 5;

/**
 * Takes the jobs of one stage from all batches of a process, in fair turns. Where the account is what limits, one job at a
 * time asks for what it needs (leave to submit, a turn), and the next is taken when that is settled; where it gives freely,
 * more of them ask at once. Where nothing can be done it waits, for news or for a time that is known, and asks nobody (S2).
 */
export class StageLoop {
  private readonly feeds = new Set<StageFeed>();
  private taken = 0;
  private seated = 0;
  /** Jobs that are taken, or ask for what they need: so many do now, and so many may. */
  private asking = 0;
  private askers = 1;
  /** No job is taken before, for a reason that is not one batch's. */
  private heldMs = 0;
  private asksFirst = false;
  /** Counts news of the account: what was found out before the latest says nothing any more. */
  private newsHeard = 0;
  private stopped = false;
  private wake: () => void = () => undefined;
  private woken = false;
  private ending: Promise<void> | null = null;
  private keeper: NodeJS.Timeout | undefined;
  private renewedMs = 0;

  constructor(private readonly options: StageLoopOptions) {}

  start(): void {
    this.ending ??= this.run();
    this.keeper ??= setInterval(() => this.keep(), rescueEveryMs);
  }

  add(feed: StageFeed): void {
    this.feeds.add(feed);
    // Whoever comes new has waited no longer than the others.
    feed.servedAt = this.taken;
    feed.onChange = () => this.poke();
    this.poke();
  }

  remove(feed: StageFeed): void {
    this.feeds.delete(feed);
  }

  /** What held it may be over. */
  news(): void {
    this.newsHeard += 1;
    for (const feed of this.feeds) feed.accountNews();
    if (this.heldMs === 0) return;
    this.heldMs = 0;
    this.poke();
  }

  /** No job is taken for so long; then, or at news of the account, it is asked whether there is leave. */
  private hold(waitMs: number, newsHeard: number): void {
    this.asksFirst = true;
    this.askers = 1;
    const longestMs = newsHeard === this.newsHeard ? waitMs : 0;
    const heldMs = this.options.clock.now() + Math.max(shortestHoldMs, longestMs);
    this.heldMs = Math.max(this.heldMs, heldMs);
  }

  get isFull(): boolean {
    return this.seated >= this.options.seats;
  }

  /** Takes no more; jobs in hand go on. */
  async stop(): Promise<void> {
    clearInterval(this.keeper);
    this.stopped = true;
    this.poke();
    await this.ending;
  }

  private async run(): Promise<void> {
    const { log } = this.options;
    while (!this.stopped) {
      const feed = this.nextFeed();
      if (feed === null) {
        await this.rest();
        continue;
      }
      try {
        if (await this.hasLeave()) void this.serve(feed);
      } catch (error) {
        log.debug({ err: error }, 'could not ask for leave');
        this.hold(rescueEveryMs, this.newsHeard);
      }
    }
  }

  private async hasLeave(): Promise<boolean> {
    if (!this.asksFirst || !this.options.leave) return true;
    const { newsHeard } = this;
    const waitMs = await this.options.leave();
    if (waitMs > 0) this.hold(waitMs, newsHeard);
    else this.asksFirst = false;
    return waitMs <= 0;
  }

  private async serve(feed: StageFeed): Promise<void> {
    this.taken += 1;
    feed.servedAt = this.taken;
    this.seated += 1;
    this.asking += 1;
    const { newsHeard } = this;
    let asks = true;
    let sits = true;
    const seat: Seat = {
      hold: (waitMs) => this.hold(waitMs, newsHeard),
      // Were there a seat free, it would have been taken already.
      handsOn: () => sits && this.isFull && this.nextFeed('this_one_is_free') === feed,
      passOn: (waitMs = 0) => {
        if (!asks) return;
        asks = false;
        this.asking -= 1;
        this.askers = waitMs <= freelyMs ? Math.min(this.options.seats, this.askers * 2) : 1;
        this.poke();
      },
      leave: () => {
        if (asks) this.asking -= 1;
        if (sits) this.seated -= 1;
        asks = false;
        sits = false;
        this.poke();
      },
    };
    const taken = await feed.take();
    if (taken !== null) {
      const patience = setTimeout(() => seat.passOn(longestAskMs), longestAskMs);
      await feed.run(taken, seat);
      clearTimeout(patience);
    }
    seat.leave();
  }

  /** Whose turn it is; null where nothing can be taken now. */
  private nextFeed(seat?: 'this_one_is_free'): StageFeed | null {
    const nowMs = this.options.clock.now();
    if (this.stopped || (this.isFull && !seat) || this.asking >= this.askers || this.heldMs > nowMs)
      return null;
    this.heldMs = 0;
    const byPriority = this.taken % turnsOfAll !== 0;
    let next: StageFeed | null = null;
    for (const feed of this.feeds) {
      if (feed.readyMs > nowMs) continue;
      if (next === null || goesBefore(feed, next, byPriority)) next = feed;
    }
    return next;
  }

  /** Until something is known to have changed, or is due. */
  private async rest(): Promise<void> {
    if (this.woken || this.stopped) {
      this.woken = false;
      return;
    }
    const nowMs = this.options.clock.now();
    let dueMs = Number.POSITIVE_INFINITY;
    if (!this.isFull && this.asking < this.askers) {
      for (const feed of this.feeds) dueMs = Math.min(dueMs, feed.readyMs);
      dueMs = Math.max(dueMs, this.heldMs);
    }
    await new Promise<void>((resolve) => {
      const waitMs = Math.max(1, Math.min(longestTimerMs, dueMs - nowMs));
      const timer = setTimeout(resolve, waitMs);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = () => undefined;
    this.woken = false;
  }

  private poke(): void {
    this.woken = true;
    this.wake();
  }

  private keep(): void {
    const nowMs = this.options.clock.now();
    const renews = nowMs - this.renewedMs >= renewEveryMs || nowMs < this.renewedMs;
    if (renews) this.renewedMs = nowMs;
    for (const feed of this.feeds) {
      if (renews) void feed.renewLocks(renewEveryMs);
      if (feed.isSuspect) void feed.rescue();
    }
  }
}

function goesBefore(feed: StageFeed, other: StageFeed, byPriority: boolean): boolean {
  if (byPriority && feed.priority !== other.priority) return feed.priority > other.priority;
  return feed.servedAt < other.servedAt;
}
