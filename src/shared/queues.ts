import { hash } from 'node:crypto';
import { type JobsOptions, Queue, type QueueOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { systemClock } from './clock.js';
import { tellNews } from './news.js';
import {
  bullPrefix,
  type QueueName,
  type QueueStage,
  queueName,
  queueNames,
  queueStages,
} from './queue-names.js';

/** What a job carries; the brief itself is in the ledger. `v` lets two versions of ours run side by side. */
export const jobDataSchema = z.object({
  v: z.literal(1),
  brief: z.string(),
  attempt: z.number().int().positive(),
  /** Collect only: result URLs with their query strings, which are kept nowhere else (S8). */
  urls: z.array(z.string()).optional(),
  /** Collect only: how often the task was read again for fresh URLs; kept with them, in one write. */
  rereads: z.number().int().optional(),
  /** Collect only: a file of it had a fault that a fresh link may mend, and has been asked for again. */
  faulty: z.boolean().optional(),
  /** Status only: the API has hinted that the task is over. Kept until the task was looked at. */
  hinted: z.boolean().optional(),
  /** Submit only: how often a reference could not be had. */
  tries: z.number().int().optional(),
  /** Submit only: how often the brief was refused without a reason. */
  puttingsOff: z.number().int().optional(),
});
export type JobData = z.infer<typeof jobDataSchema>;

/** No clash between batches, no trouble with `:` or ids of digits only. */
export function jobId(batch: string, briefId: string, attempt: number): string {
  const digest = hash('sha256', `${batch.length}:${batch}:${briefId}:${attempt}`, 'hex');
  return `b-${digest.slice(0, 24)}`;
}

/**
 * As little as BullMQ takes: a job none of whose values is longer than 64 bytes takes half the memory of another (Redis
 * keeps it as a listpack). Failures are counted and spaced by the edge of a stage, so no job needs to say how.
 */
const jobOptions: JobsOptions = {
  removeOnComplete: true,
  // BullMQ would write down that there are none.
  attempts: undefined as unknown as number,
};

/** Locks are short, so that another worker picks up soon what a crashed one had in hand; see `stage-feed.ts`. */
export const lockMs = 8_000;
/** A queue in which a killed worker's jobs may be is looked through this often. */
export const rescueEveryMs = 1_000;

/** Of workers in BullMQ's own words: taken from the queue's options by the calls that a feed makes. */
const takingOptions = {
  lockDuration: lockMs,
  stalledInterval: rescueEveryMs,
  // A stalled job is one whose worker crashed or froze: every stage is safe to repeat.
  maxStalledCount: 1_000_000,
};

/** How BullMQ orders delayed jobs: by the ms at which they come, and within each by when they were added. */
const scorePerMs = 0x1000;

export interface NewJob {
  brief: string;
  attempt: number;
  delayMs: number;
  urls?: string[];
  rereads?: number;
  faulty?: boolean;
}

/** Whoever takes jobs of a queue is told when each of some is due (ms since the epoch, by this machine). */
export type TellOfJobs = (stage: QueueStage, duesMs: readonly number[]) => Promise<void> | void;

/** The queues of one batch, as a producer of jobs. */
export class StageQueues {
  private readonly queues: Record<QueueStage, Queue<JobData>>;
  /** Most batches have no steps that wait for one another. */
  private waiting: Queue<JobData> | null = null;

  constructor(
    private readonly connection: Redis,
    private readonly prefix: string,
    readonly batch: string,
    /** Where absent, all processes are told. */
    private readonly tellOfJobs?: TellOfJobs,
  ) {
    this.queues = {
      submit: this.open('submit'),
      status: this.open('status'),
      collect: this.open('collect'),
    };
  }

  private open(name: QueueName): Queue<JobData> {
    const options: QueueOptions & typeof takingOptions = {
      connection: this.connection,
      prefix: this.bullPrefix,
      streams: { events: { maxLen: 100 } },
      ...takingOptions,
    };
    const queue = new Queue<JobData>(queueName(this.batch, name), options);
    // Connection errors are told once by the store; without a listener each would end the process.
    queue.on('error', () => undefined);
    return queue;
  }

  get bullPrefix(): string {
    return bullPrefix(this.prefix);
  }

  queue(name: QueueName): Queue<JobData> {
    if (name !== 'waiting') return this.queues[name];
    this.waiting ??= this.open('waiting');
    return this.waiting;
  }

  /** How many steps wait for what they come after; without opening their queue, because most batches have none. */
  async countWaiting(): Promise<number> {
    const list = `${this.bullPrefix}:${queueName(this.batch, 'waiting')}:wait`;
    return this.connection.llen(list);
  }

  /** Holds back what is not submitted yet. BullMQ's mark is the one of a paused batch, whoever sets it: we, or a board. */
  async pause(): Promise<void> {
    await this.queues.submit.pause();
    await this.tell();
  }

  /** Tells how it was before. */
  async resume(): Promise<'paused' | 'going'> {
    const was = (await this.queues.submit.isPaused()) ? 'paused' : 'going';
    await this.queues.submit.resume();
    await this.tell();
    return was;
  }

  /** Tells all processes that something has changed for this batch. */
  async tell(): Promise<void> {
    await tellNews(this.connection, this.prefix, { about: 'batch', name: this.batch });
  }

  /** Adding a job that is there already changes nothing. */
  async add(name: QueueName, jobs: NewJob[]): Promise<void> {
    const nowMs = systemClock.now();
    const duesMs: number[] = [];
    const bulk = jobs.map(({ brief, attempt, delayMs, urls, rereads, faulty }) => {
      const delay = Math.ceil(delayMs);
      duesMs.push(nowMs + delay);
      return {
        name,
        data: {
          v: 1 as const,
          brief,
          attempt,
          ...(urls ? { urls } : {}),
          ...(rereads ? { rereads } : {}),
          ...(faulty ? { faulty } : {}),
        },
        opts: {
          ...jobOptions,
          jobId: jobId(this.batch, brief, attempt),
          ...(delay > 0 ? { delay } : {}),
        },
      };
    });
    const [only] = bulk;
    if (bulk.length === 1 && only) {
      await this.queue(name).add(only.name, only.data, only.opts);
    } else {
      await this.queue(name).addBulk(bulk);
    }
    // Nobody takes what waits for another brief.
    if (name !== 'waiting') await this.tellOf(name, duesMs);
  }

  private async tellOf(stage: QueueStage, duesMs: readonly number[]): Promise<void> {
    await (this.tellOfJobs ? this.tellOfJobs(stage, duesMs) : this.tell());
  }

  /** Adds a job where none runs for the brief, however much is left of one. */
  async addAnew(name: QueueName, job: NewJob): Promise<void> {
    const left = await this.queue(name).getJob(jobId(this.batch, job.brief, job.attempt));
    if (left && (await left.getState()) === 'unknown') await left.remove();
    await this.add(name, [job]);
  }

  /** Whether a stage has a job for the brief that will run, whatever it waits for. */
  async has(stage: QueueStage, briefId: string, attempt: number): Promise<boolean> {
    const state = await this.queues[stage].getJobState(jobId(this.batch, briefId, attempt));
    return state !== 'unknown';
  }

  /**
   * Brings delayed jobs forward where one of a stage lies further ahead than `furthestMs`. BullMQ goes by each machine's
   * time of day: once that was set back, what was to come in seconds would come in hours. A job that comes too soon
   * looks, and waits again.
   */
  async bringForward(furthestMs: number, nowMs: number): Promise<void> {
    for (const stage of queueStages) {
      const queue = this.queues[stage];
      const last = await this.connection.zrange(queue.toKey('delayed'), '-1', '-1', 'WITHSCORES');
      const [, score] = last;
      if (score === undefined || Number(score) / scorePerMs - nowMs <= furthestMs) continue;
      await queue.promoteJobs();
      await this.tell();
    }
  }

  /**
   * Lets a status check that is put off come within `withinMs`, marked as hinted; one that comes sooner is only marked.
   * @returns `not_put_off` where there is none, or it is due or being made
   */
  async hasten(
    briefId: string,
    attempt: number,
    withinMs: number,
  ): Promise<'hastened' | 'not_put_off'> {
    const queue = this.queues.status;
    const id = jobId(this.batch, briefId, attempt);
    const dueMs = async () => {
      const score = await this.connection.zscore(queue.toKey('delayed'), id);
      return score === null ? null : Number(score) / scorePerMs;
    };
    const [job, plannedMs] = await Promise.all([queue.getJob(id), dueMs()]);
    if (!job || plannedMs === null) return 'not_put_off';
    const delayMs = Math.ceil(withinMs);
    const nowMs = systemClock.now();
    try {
      // Marked first: whoever takes it sees why.
      await job.updateData({ ...job.data, hinted: true });
      if (plannedMs <= nowMs + delayMs) return 'hastened';
      await job.changeDelay(delayMs);
    } catch (error) {
      // Taken by then, or even gone.
      if ((await dueMs()) === null) return 'not_put_off';
      throw error;
    }
    await this.tellOf('status', [nowMs + delayMs]);
    return 'hastened';
  }

  /** Takes a brief's job out of a stage; one that is being worked on stays. */
  async remove(name: QueueName, briefId: string, attempt: number): Promise<void> {
    await this.queue(name).remove(jobId(this.batch, briefId, attempt));
  }

  /** Some of the jobs that wait for others, behind the first `skip` of them. */
  async waitingJobs(skip: number, most: number): Promise<{ brief: string; attempt: number }[]> {
    if ((await this.countWaiting()) <= skip) return [];
    const jobs = await this.queue('waiting').getJobs(['waiting'], skip, skip + most - 1, true);
    return jobs.map(({ data: { brief, attempt } }) => ({ brief, attempt }));
  }

  /** Jobs of a stage that are not finished: those that wait for their turn or are in it, and those for a time. */
  async counts(stage: QueueStage): Promise<{ going: number; delayed: number }> {
    const counts = await this.queues[stage].getJobCounts('waiting', 'active', 'delayed');
    const { waiting = 0, active = 0, delayed = 0 } = counts;
    return { going: waiting + active, delayed };
  }

  /** The same, whatever they wait for. */
  async unfinished(stage: QueueStage): Promise<number> {
    const { going, delayed } = await this.counts(stage);
    return going + delayed;
  }

  /** All jobs, whatever they wait for; a brief that is handed on has two for a moment. */
  async count(): Promise<number> {
    const states = ['waiting', 'active', 'delayed', 'failed', 'prioritized'] as const;
    const [waiting, ...counts] = await Promise.all([
      this.countWaiting(),
      ...queueStages.map((stage) => this.queues[stage].getJobCounts(...states)),
    ]);
    return counts.flatMap(Object.values<number>).reduce((sum, count) => sum + count, waiting);
  }

  async close(): Promise<void> {
    await Promise.all(queueStages.map((stage) => this.queues[stage].close()));
    await this.waiting?.close();
  }

  /**
   * Removes all keys of the queues, those of jobs included that are in no list any more: such a job would never
   * run, and none could be added in its place.
   */
  async removeKeys(): Promise<void> {
    for (const name of queueNames) {
      const head = this.queue(name)
        .toKey('')
        .replace(/[*?[\]\\]/g, '\\$&');
      let cursor = '0';
      do {
        const [next, keys] = await this.connection.scan(
          cursor,
          'MATCH',
          `${head}*`,
          'COUNT',
          1_000,
        );
        cursor = next;
        if (keys.length > 0) await this.connection.unlink(...keys);
      } while (cursor !== '0');
    }
  }

  /** Removes everything of the queues, jobs and keys. */
  async obliterate(): Promise<void> {
    for (const name of queueNames) await this.queue(name).obliterate({ force: true });
  }
}
