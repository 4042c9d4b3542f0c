import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { BatchMeta } from '../../ledger/batch-meta.js';
import { nextTickIn, type ScheduleJob, scheduleQueueName } from '../../schedule/queue.js';
import {
  bullPrefix,
  type QueueName,
  queueName,
  queueNames,
  queueStages,
} from '../../shared/queue-names.js';
import type { JobData } from '../../shared/queues.js';

export type StageQueue = Queue<JobData>;

/** Jobs of one stage by what they wait for; `failed` are those that were taken out. */
export interface StageCounts {
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
}

/** The queues of all batches as a reader: each is opened once, over one connection. */
export class BatchQueues {
  private readonly open = new Map<string, Record<QueueName, StageQueue>>();

  constructor(
    private readonly connection: Redis,
    private readonly prefix: string,
  ) {}

  of(batch: string): Record<QueueName, StageQueue> {
    const known = this.open.get(batch);
    if (known) return known;
    const queues = {
      submit: this.openQueue(batch, 'submit'),
      status: this.openQueue(batch, 'status'),
      collect: this.openQueue(batch, 'collect'),
      waiting: this.openQueue(batch, 'waiting'),
    };
    this.open.set(batch, queues);
    return queues;
  }

  async counts(batch: string): Promise<Record<QueueName, StageCounts>> {
    const queues = this.of(batch);
    const [submit, status, collect, waiting] = await Promise.all([
      countJobs(queues.submit),
      countJobs(queues.status),
      countJobs(queues.collect),
      countJobs(queues.waiting),
    ]);
    return { submit, status, collect, waiting };
  }

  /** Batches that were forgotten leave nothing behind here either. */
  async keepOnly(batches: ReadonlySet<string>): Promise<void> {
    const gone = [...this.open.keys()].filter((batch) => !batches.has(batch));
    await Promise.all(gone.map((batch) => this.close(batch)));
  }

  async closeAll(): Promise<void> {
    await this.keepOnly(new Set());
  }

  private async close(batch: string): Promise<void> {
    const queues = this.open.get(batch);
    this.open.delete(batch);
    if (queues) await Promise.all(queueNames.map((name) => queues[name].close()));
  }

  private openQueue(batch: string, name: QueueName): StageQueue {
    const queue: StageQueue = new Queue(queueName(batch, name), {
      connection: this.connection,
      prefix: bullPrefix(this.prefix),
      // A reader leaves no trace: a batch that was forgotten would come back as an empty key.
      skipMetasUpdate: true,
    });
    // Connection errors are told once by the store; without a listener each would end the process.
    queue.on('error', () => undefined);
    return queue;
  }
}

async function countJobs(queue: StageQueue): Promise<StageCounts> {
  const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'failed');
  const { waiting = 0, active = 0, delayed = 0, failed = 0 } = counts;
  return { waiting, active, delayed, failed };
}

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

/** Those that a batch has: only one with outputs has steps that wait for one another. */
export function queuesOf({ outputs }: Pick<BatchMeta, 'outputs'>): readonly QueueName[] {
  return outputs.length > 0 ? queueNames : queueStages;
}
