import { onTestFinished, vi } from 'vitest';
import type { QueueStage } from '../../src/shared/queue-names.js';
import { type NewJob, StageQueues } from '../../src/shared/queues.js';
import { StageFeed } from '../../src/worker/stage-feed.js';
import type { Seat, StageJob, Step } from '../../src/worker/stages/step.js';
import { connect, newPrefix } from '../support/ledger.js';
import { log, ShiftedClock } from './stages/stage-bench.js';

export const job = (brief: string, patch: Partial<NewJob> = {}): NewJob => ({
  brief,
  attempt: 1,
  delayMs: 0,
  ...patch,
});

export function openQueues({ batch = 'spring', prefix = newPrefix() } = {}) {
  const redis = connect();
  const queues = new StageQueues(redis, prefix, batch);
  onTestFinished(() => queues.close());
  return { queues, prefix, redis };
}

export interface FeedSetup {
  stage?: QueueStage;
  clock?: ShiftedClock;
  work(job: StageJob, call: number, seat: Seat): Step | Promise<Step>;
  giveUp?(job: StageJob, reason: string): Promise<Step>;
  loss?: 'lost' | 'whole';
}

/** A feed of a queue that may hold jobs already; every call of its work is noted. */
export function openFeed(queues: StageQueues, { stage = 'submit', ...setup }: FeedSetup) {
  const calls: StageJob[] = [];
  const givenUp: { job: StageJob; reason: string }[] = [];
  const clock = setup.clock ?? new ShiftedClock();
  const feed = new StageFeed({
    ...{ stage, queues, clock, log },
    work: async (stageJob, seat) => {
      calls.push(stageJob);
      return setup.work(stageJob, calls.length, seat);
    },
    release: async () => undefined,
    lookForLoss: async () => setup.loss ?? 'whole',
    mendJobs: async () => undefined,
    giveUp: async (stageJob, reason) => {
      const step = (await setup.giveUp?.(stageJob, reason)) ?? { kind: 'done' };
      givenUp.push({ job: stageJob, reason });
      return step;
    },
  });
  onTestFinished(() => feed.abandon());
  return { feed, calls, givenUp, clock };
}

export const counts = async (queues: StageQueues, stage: QueueStage) =>
  queues.queue(stage).getJobCounts('waiting', 'active', 'delayed', 'completed', 'failed');

export const none = { waiting: 0, active: 0, delayed: 0, completed: 0, failed: 0 };

export const eventually = <Result>(check: () => Promise<Result> | Result) =>
  vi.waitFor(check, { timeout: 40_000, interval: 20 });
