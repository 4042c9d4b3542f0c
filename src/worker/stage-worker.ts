import { DelayedError, type Job, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Clock } from '../shared/clock.js';
import {
  type JobData,
  jobDataSchema,
  type QueueStage,
  queueName,
  type StageQueues,
} from '../shared/queues.js';
import type { StageJob, Step } from './stages/step.js';

/** Locks are short, so that another worker picks up a crashed one's jobs within about 20 s. */
const lockDurationMs = 15_000;
const stalledCheckMs = 5_000;
/** A held queue is looked at again at least this often: another machine may have lifted the hold. */
const longestPauseMs = 1_000;

export interface StageWorkerOptions {
  stage: QueueStage;
  queues: StageQueues;
  connection: Redis;
  concurrency: number;
  /** By which BullMQ counts delays: the machine's own time of day, whatever the ledger's is. */
  clock: Clock;
  log: Logger;
  /** Does one job's work; safe to repeat at any point. */
  work(job: StageJob): Promise<Step>;
  /** Gives a brief its line when its job has failed for good (S4), or says where it went meanwhile. */
  giveUp(job: StageJob, reason: string): Promise<Step>;
  /** Something that must be there was not found, or nothing of it can be done: whether the batch's state is lost. */
  lookForLoss(found: 'no_job' | 'no_brief' | 'trouble'): Promise<'lost' | 'whole'>;
}

/** The edge of one stage: the only place that turns steps into BullMQ operations. */
export class StageWorker {
  private readonly worker: Worker<JobData>;
  private resumeTimer: NodeJS.Timeout | undefined;
  private closing: Promise<void> | undefined;
  private abandoned = false;

  constructor(private readonly options: StageWorkerOptions) {
    const { queues, stage, connection, concurrency } = options;
    this.worker = new Worker<JobData>(
      queueName(queues.batch, stage),
      (job, token) => this.process(job, token),
      {
        connection,
        prefix: queues.bullPrefix,
        concurrency,
        lockDuration: lockDurationMs,
        stalledInterval: stalledCheckMs,
        // A stalled job is one whose worker crashed or froze: every stage is safe to repeat.
        maxStalledCount: 1_000_000,
        drainDelay: 1,
        runRetryDelay: 1_000,
        settings: { backoffStrategy: (tries) => Math.min(60_000, 1_000 * 2 ** (tries - 1)) },
      },
    );
    this.worker.on('error', (error) => options.log.debug({ err: error, stage }, 'queue trouble'));
    this.worker.on('failed', (job, error) => this.noteFailure(job, error));
  }

  /** Takes no more jobs and waits for those under way. */
  async close(): Promise<void> {
    clearTimeout(this.resumeTimer);
    this.closing ??= this.worker.close();
    await this.closing;
  }

  /** Ends without waiting: what was under way is picked up by another worker when its lock ends. */
  async abandon(): Promise<void> {
    clearTimeout(this.resumeTimer);
    this.abandoned = true;
    // Asked again, BullMQ would answer with the close that waits.
    if (this.closing === undefined) await this.worker.close(true);
  }

  /** Gives every job that failed for good its line: one that failed just before a crash is found here. */
  async sweepFailed(): Promise<void> {
    for (const job of await this.options.queues.queue(this.options.stage).getFailed()) {
      if (job) await this.endFailed(job, job.failedReason).catch(this.noteUnended(job));
    }
  }

  private async process(job: Job<JobData>, token: string | undefined): Promise<void> {
    const parsed = jobDataSchema.safeParse(job.data);
    // Left as it is: whoever begins anew takes it away with the rest.
    if (!parsed.success && (await this.isLost('no_job'))) throw new WaitingError();
    const data = jobDataSchema.parse(job.data);
    const stageJob: StageJob = {
      briefId: data.brief,
      attempt: data.attempt,
      ...(data.urls ? { urls: data.urls } : {}),
      ...(data.rereads ? { rereads: data.rereads } : {}),
      ...(data.tries ? { tries: data.tries } : {}),
      ...(data.puttingsOff ? { puttingsOff: data.puttingsOff } : {}),
    };
    try {
      const step = await this.options.work(stageJob);
      await this.apply(step, stageJob, { job, token });
    } catch (error) {
      if (error instanceof DelayedError || error instanceof WaitingError) throw error;
      if (await this.isLost('trouble')) throw new WaitingError();
      throw error;
    }
  }

  /** Where Redis does not even say that, what was found is told as it is. */
  private async isLost(found: 'no_job' | 'no_brief' | 'trouble'): Promise<boolean> {
    if (this.abandoned) return true;
    return (await this.options.lookForLoss(found).catch(() => 'whole')) === 'lost';
  }

  private async apply(
    step: Step,
    stageJob: StageJob,
    { job, token }: { job: Job<JobData>; token: string | undefined },
  ): Promise<void> {
    switch (step.kind) {
      case 'done':
        return;
      case 'next': {
        const { stage, attempt, delayMs, urls } = step;
        // A job cannot be added while it is there itself: it goes on as it is.
        if (this.isOwn(step, stageJob)) {
          return this.apply({ kind: 'later', afterMs: delayMs }, stageJob, { job, token });
        }
        const next = { brief: stageJob.briefId, attempt, delayMs, ...(urls ? { urls } : {}) };
        await this.options.queues.add(stage, [next]);
        return;
      }
      case 'later':
        // Saved before the move: a crash between the two repeats this step, not the one before.
        if (step.fresh) await job.updateData({ ...job.data, ...step.fresh });
        if (step.tries) await job.updateData({ ...job.data, tries: step.tries });
        if (step.puttingsOff) {
          await job.updateData({ ...job.data, puttingsOff: step.puttingsOff });
        }
        await job.moveToDelayed(this.options.clock.now() + Math.ceil(step.afterMs), token);
        throw new DelayedError();
      case 'hold':
        this.pauseFor(step.waitMs);
        await job.moveToWait(token);
        throw new WaitingError();
      case 'missing':
        if (await this.isLost('no_brief')) throw new WaitingError();
        return;
      default:
        return step satisfies never;
    }
  }

  private pauseFor(waitMs: number): void {
    if (this.resumeTimer) return;
    void this.worker.pause(true);
    this.resumeTimer = setTimeout(
      () => {
        this.resumeTimer = undefined;
        void this.worker.resume();
      },
      Math.min(longestPauseMs, Math.max(20, waitMs)),
    );
  }

  private noteFailure(job: Job<JobData> | undefined, error: Error): void {
    const { log, stage } = this.options;
    // Why is told once, by whoever found it out.
    if (this.abandoned) return;
    log.error({ err: error, stage, brief: job?.data?.brief }, 'a step failed unexpectedly');
    if (!job || job.attemptsMade < (job.opts.attempts ?? 1)) return;
    this.endFailed(job, error.message).catch(this.noteUnended(job));
  }

  /** It stays among the failed, where the next start finds it again. */
  private noteUnended(job: Job<JobData>) {
    const { log, stage } = this.options;
    return (error: unknown) => {
      if (this.abandoned) return;
      log.error({ err: error, stage, brief: job.data?.brief }, 'could not end a failed brief');
    };
  }

  private async endFailed(job: Job<JobData>, reason: string): Promise<void> {
    const { brief, attempt } = jobDataSchema.parse(job.data);
    const step = await this.options.giveUp({ briefId: brief, attempt }, reason);
    if (step.kind === 'missing' && (await this.isLost('no_brief'))) return;
    if (this.isOwn(step, { attempt })) return job.retry();
    if (step.kind === 'next') await this.options.queues.add(step.stage, [{ ...step, brief }]);
    await job.remove();
  }

  private isOwn(step: Step, { attempt }: Pick<StageJob, 'attempt'>): boolean {
    return step.kind === 'next' && step.stage === this.options.stage && step.attempt === attempt;
  }
}
