import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { bullPrefix } from '../../shared/queues.js';
import {
  nextTickIn,
  type ScheduleJob,
  scheduleQueueName,
} from '../../shared/schedule/schedule-queue.js';

export type TickQueue = Queue<ScheduleJob>;

/** The schedules' queue of each account as a reader: each is opened once, over one connection. */
export class ScheduleQueues {
  private readonly open = new Map<string, TickQueue>();

  constructor(
    private readonly connection: Redis,
    private readonly prefix: string,
  ) {}

  of(account: string): TickQueue {
    const known = this.open.get(account);
    if (known) return known;
    const queue: TickQueue = new Queue(scheduleQueueName(account), {
      connection: this.connection,
      prefix: bullPrefix(this.prefix),
      // A reader leaves no trace.
      skipMetasUpdate: true,
    });
    // Connection errors are told once by the store; without a listener each would end the process.
    queue.on('error', () => undefined);
    this.open.set(account, queue);
    return queue;
  }

  nextTick(account: string, schedule: string): Promise<number | null> {
    return nextTickIn(this.of(account), schedule);
  }

  /** Jobs that are due, and that no worker has taken. */
  async countDue(account: string, nowMs: number): Promise<number> {
    const [counts, delayed] = await Promise.all([
      this.of(account).getJobCounts('waiting', 'prioritized'),
      this.countDelayed(account, nowMs),
    ]);
    return (counts.waiting ?? 0) + (counts.prioritized ?? 0) + delayed;
  }

  /** Jobs that were put off until a moment, or until one before it. */
  countDelayed(account: string, untilMs: number): Promise<number> {
    // BullMQ keeps the order of jobs that come due together in the lowest 12 bits.
    const latest = (untilMs + 1) * 4096 - 1;
    return this.connection.zcount(this.of(account).toKey('delayed'), 0, latest);
  }

  async keepOnly(accounts: ReadonlySet<string>): Promise<void> {
    const gone = [...this.open].filter(([account]) => !accounts.has(account));
    for (const [account] of gone) this.open.delete(account);
    await Promise.all(gone.map(([, queue]) => queue.close()));
  }

  async closeAll(): Promise<void> {
    await this.keepOnly(new Set());
  }
}
