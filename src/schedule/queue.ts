import { type AdvancedOptions, type JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { bullPrefix } from '../shared/queue-names.js';
import { nextTick } from './cron.js';
import type { Schedule } from './schedule.js';

/** A run of a schedule, by the tick or by hand. */
const runJobSchema = z.object({
  v: z.literal(1),
  kind: z.literal('run'),
  schedule: z.string(),
  id: z.string(),
  scheduledMs: z.number(),
  trigger: z.enum(['tick', 'hand']),
});
export type RunJob = z.infer<typeof runJobSchema>;

/** What a job of the schedules carries: names and times; what else is known is in the ledger. */
export const scheduleJobSchema = z.discriminatedUnion('kind', [
  /** Made by BullMQ's scheduler at each tick, once. */
  z.object({ v: z.literal(1), kind: z.literal('tick'), schedule: z.string() }),
  runJobSchema,
]);
export type ScheduleJob = z.infer<typeof scheduleJobSchema>;

/** Steps count their own tries, as waiting for Redis is not one of them. */
const stepOptions: JobsOptions = {
  attempts: 1_000_000,
  backoff: { type: 'fixed', delay: 5_000 },
  removeOnComplete: true,
  removeOnFail: { count: 100 },
  stackTraceLimit: 3,
};

/** For queue and workers alike: BullMQ's own reckoning errs in the hours in which clocks are changed. */
export const tickSettings: AdvancedOptions = {
  repeatStrategy: (afterMs, { pattern = '', tz = 'UTC' }) =>
    nextTick({ cron: pattern, zone: tz }, afterMs),
};

/** Each API origin and key has its own, so that a worker takes only ticks of its key. */
export function scheduleQueueName(account: string): string {
  return `schedules.${account}`;
}

export function runIdOfTick(scheduledMs: number): string {
  return String(scheduledMs);
}

export function runIdByHand(nowMs: number): string {
  return `hand-${nowMs}`;
}

/** For readers too: see `nextTick` of `ScheduleQueue`. */
export async function nextTickIn(queue: Queue<ScheduleJob>, name: string): Promise<number | null> {
  return (await queue.getJobScheduler(name))?.next ?? null;
}

/** The schedules' queue, as a producer of jobs. */
export class ScheduleQueue {
  private readonly queue: Queue<ScheduleJob>;
  readonly bullPrefix: string;

  constructor(
    connection: Redis,
    prefix: string,
    readonly account: string,
  ) {
    this.bullPrefix = bullPrefix(prefix);
    this.queue = new Queue<ScheduleJob>(scheduleQueueName(account), {
      connection,
      prefix: this.bullPrefix,
      streams: { events: { maxLen: 100 } },
      settings: tickSettings,
    });
    // Connection errors are told once by the store; without a listener each would end the process.
    this.queue.on('error', () => undefined);
  }

  /** Ticks come due from now on, by the pattern that it has; doing it again changes nothing, a tick that is overdue included. */
  async start({ name, cron, zone }: Schedule): Promise<void> {
    const known = await this.queue.getJobScheduler(name);
    if (known?.next && known.pattern === cron && known.tz === zone) return;
    await this.queue.upsertJobScheduler(
      name,
      { pattern: cron, tz: zone },
      { name: 'tick', data: { v: 1, kind: 'tick', schedule: name }, opts: stepOptions },
    );
  }

  /** No tick comes due any more. */
  async stop(name: string): Promise<void> {
    await this.queue.removeJobScheduler(name);
  }

  /** When the next tick is due, in ms since the epoch; null where none is. In the past while no worker runs. */
  async nextTick(name: string): Promise<number | null> {
    return nextTickIn(this.queue, name);
  }

  /** Adding a run that is there already changes nothing. */
  async addRun(run: RunJob): Promise<'added' | 'was_there'> {
    const jobId = `run-${run.schedule}-${run.id}`;
    const known = await this.queue.getJob(jobId);
    await this.queue.add('run', run, { ...stepOptions, jobId });
    return known === undefined ? 'added' : 'was_there';
  }

  async close(): Promise<void> {
    await this.queue.close();
  }
}
