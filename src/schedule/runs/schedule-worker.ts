import { DelayedError, type Job, UnrecoverableError, Worker } from 'bullmq';
import {
  runIdOfTick,
  type ScheduleJob,
  scheduleJobSchema,
  scheduleQueueName,
  tickSettings,
} from '../queue.js';
import type { ScheduleContext } from './context.js';
import { stepRun } from './step-run.js';

/** Locks are short, so that another worker picks up a crashed one's runs within about 20 s. */
const lockDurationMs = 15_000;
const stalledCheckMs = 10_000;
/** Runs are looked at one after the other; only one that queues a large input takes long. */
const runsAtOnce = 10;

/** The edge of the schedules: the only place that turns their steps into BullMQ operations. */
export class ScheduleWorker {
  private readonly worker: Worker<ScheduleJob>;

  constructor(private readonly context: ScheduleContext) {
    const { queue, batches, log } = context;
    this.worker = new Worker<ScheduleJob>(
      scheduleQueueName(queue.account),
      (job, token) => this.process(job, token),
      {
        connection: batches.redis,
        prefix: queue.bullPrefix,
        concurrency: runsAtOnce,
        lockDuration: lockDurationMs,
        stalledInterval: stalledCheckMs,
        // A stalled job is one whose worker crashed or froze: every step is safe to repeat.
        maxStalledCount: 1_000_000,
        runRetryDelay: 1_000,
        // Ticks wake it; without any it asks seldom.
        drainDelay: 10,
        settings: tickSettings,
      },
    );
    this.worker.on('error', (error) => log.debug({ err: error }, 'trouble with schedules'));
    this.worker.on('failed', (job, error) => {
      log.warn({ err: error, kind: job?.data.kind, schedule: job?.data.schedule }, error.message);
    });
  }

  /** Starts the ticks of schedules that a crash left without, or by an earlier pattern, between keeping them and starting them. */
  async start(): Promise<void> {
    const { ledger, queue } = this.context;
    await ledger.takeOverWebhooks();
    const schedules = await ledger.all();
    // Those that an earlier version has set are not on the list of all accounts.
    if (schedules.length > 0) await ledger.enlist();
    for (const schedule of schedules) {
      if (schedule.state === 'active') await queue.start(schedule);
    }
  }

  /** Takes no more jobs and waits for those under way, as long as `deadlineMs`; another worker repeats the rest. */
  async close(deadlineMs: number): Promise<void> {
    const closed = this.worker.close();
    const late = new Promise<'late'>((resolve) => {
      setTimeout(() => resolve('late'), deadlineMs).unref();
    });
    await Promise.race([closed, late]);
  }

  private async process(job: Job<ScheduleJob>, token: string | undefined): Promise<void> {
    const data = scheduleJobSchema.parse(job.data);
    switch (data.kind) {
      case 'tick':
        return this.beginRun(data.schedule, job);
      case 'run': {
        const step = await stepRun(this.context, data);
        if (step.kind === 'done') return;
        await job.moveToDelayed(this.context.clock.now() + Math.ceil(step.afterMs), token);
        throw new DelayedError();
      }
      default:
        return data satisfies never;
    }
  }

  /** The run has a job of its own, under the tick's time: a tick that is repeated adds it no second time. */
  private async beginRun(schedule: string, job: Job<ScheduleJob>): Promise<void> {
    const scheduledMs = job.opts.prevMillis;
    if (scheduledMs === undefined) throw new UnrecoverableError('this tick has no time');
    const id = runIdOfTick(scheduledMs);
    const { queue } = this.context;
    await queue.addRun({ v: 1, kind: 'run', schedule, id, scheduledMs, trigger: 'tick' });
  }
}
