import { once } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { jobId, type NewJob, type QueueStage, StageQueues } from '../../src/shared/queues.js';
import { StageWorker } from '../../src/worker/stage-worker.js';
import type { StageJob, Step } from '../../src/worker/stages/step.js';
import { connect, newPrefix } from '../support/ledger.js';
import { log, ShiftedClock } from './stages/stage-bench.js';

const job = (brief: string, patch: Partial<NewJob> = {}): NewJob => ({
  brief,
  attempt: 1,
  delayMs: 0,
  ...patch,
});

interface Setup {
  stage?: QueueStage;
  concurrency?: number;
  work(job: StageJob, call: number): Step | Promise<Step>;
  giveUp?(job: StageJob, reason: string): Promise<Step>;
  loss?: 'lost' | 'whole';
}

function openQueues(prefix = newPrefix()) {
  const queues = new StageQueues(connect(), prefix, 'spring');
  onTestFinished(() => queues.close());
  return { queues, prefix };
}

/** A worker of one stage of queues that may hold jobs already; every call of its work is noted. */
function startWorker(queues: StageQueues, { stage = 'submit', concurrency = 1, ...setup }: Setup) {
  const calls: StageJob[] = [];
  const givenUp: { job: StageJob; reason: string }[] = [];
  const connection = connect();
  const worker = new StageWorker({
    stage,
    queues,
    connection,
    concurrency,
    clock: new ShiftedClock(),
    log,
    work: async (stageJob) => {
      calls.push(stageJob);
      return setup.work(stageJob, calls.length);
    },
    lookForLoss: async () => setup.loss ?? 'whole',
    giveUp: async (stageJob, reason) => {
      const step = (await setup.giveUp?.(stageJob, reason)) ?? { kind: 'done' };
      givenUp.push({ job: stageJob, reason });
      return step;
    },
  });
  onTestFinished(() => worker.abandon());
  return { worker, calls, givenUp };
}

const counts = async (queues: StageQueues, stage: QueueStage) =>
  queues.queue(stage).getJobCounts('waiting', 'active', 'delayed', 'completed', 'failed');

const none = { waiting: 0, active: 0, delayed: 0, completed: 0, failed: 0 };

const eventually = <Result>(check: () => Promise<Result>) =>
  vi.waitFor(check, { timeout: 20_000, interval: 20 });

describe('done and next', () => {
  it('leaves nothing behind of a job that is done', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a'), job('b')]);
    const { calls } = startWorker(queues, { work: () => ({ kind: 'done' }) });
    await eventually(async () => expect(await counts(queues, 'submit')).toEqual(none));
    expect(calls.map(({ briefId }) => briefId)).toEqual(['a', 'b']);
  });

  it('hands a brief on with its delay and its URLs, once', async () => {
    const { queues } = openQueues();
    await queues.add('status', [job('a', { attempt: 2 })]);
    const urls = ['https://media.test/1.png?token=1'];
    startWorker(queues, {
      stage: 'status',
      work: () => ({ kind: 'next', stage: 'collect', attempt: 2, delayMs: 60_000, urls }),
    });
    await eventually(async () => expect(await counts(queues, 'status')).toEqual(none));
    const next = await queues.queue('collect').getJob(jobId('spring', 'a', 2));
    expect(next?.data).toEqual({ v: 1, brief: 'a', attempt: 2, urls });
    expect(await next?.isDelayed()).toBe(true);
    expect(await counts(queues, 'collect')).toEqual({ ...none, delayed: 1 });
  });

  it('hands a brief on to a new attempt in the same queue', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a')]);
    const { calls } = startWorker(queues, {
      work: ({ attempt }) =>
        attempt === 1
          ? { kind: 'next', stage: 'submit', attempt: 2, delayMs: 5 }
          : { kind: 'done' },
    });
    await eventually(async () => expect(await counts(queues, 'submit')).toEqual(none));
    expect(calls).toEqual([
      { briefId: 'a', attempt: 1 },
      { briefId: 'a', attempt: 2 },
    ]);
  });

  it('S3: does not lose a brief whose next job is this very job', async () => {
    // Overtaken by a frozen worker that woke up: the state changed, the stage did not.
    const { queues } = openQueues();
    await queues.add('status', [job('a', { urls: ['https://media.test/1.png'] })]);
    const { calls } = startWorker(queues, {
      stage: 'status',
      work: (_job, call) =>
        call === 1 ? { kind: 'next', stage: 'status', attempt: 1, delayMs: 0 } : { kind: 'done' },
    });
    await eventually(async () => expect(calls).toHaveLength(2));
    expect(calls[1]).toEqual(calls[0]);
    await eventually(async () => expect(await counts(queues, 'status')).toEqual(none));
  });
});

describe('later', () => {
  it('S2: comes back after its time without spending an attempt, with fresh URLs', async () => {
    const { queues } = openQueues();
    await queues.add('collect', [job('a', { urls: ['https://media.test/old'] })]);
    const attempts: (number | undefined)[] = [];
    const { calls } = startWorker(queues, {
      stage: 'collect',
      work: async (_job, call) => {
        const own = await queues.queue('collect').getJob(jobId('spring', 'a', 1));
        attempts.push(own?.attemptsMade);
        if (call === 1)
          return {
            kind: 'later',
            afterMs: 1.5,
            fresh: { urls: ['https://media.test/new'], rereads: 1 },
          };
        return call < 50 ? { kind: 'later', afterMs: 0 } : { kind: 'done' };
      },
    });
    await eventually(async () => expect(await counts(queues, 'collect')).toEqual(none));
    expect(calls).toHaveLength(50);
    expect(calls[0]?.urls).toEqual(['https://media.test/old']);
    expect(calls[1]?.urls).toEqual(['https://media.test/new']);
    expect(calls[49]?.urls).toEqual(['https://media.test/new']);
    expect(new Set(attempts)).toEqual(new Set([0]));
  });

  it('S2: holds no slot meanwhile', async () => {
    const { queues } = openQueues();
    await queues.add('status', [job('a'), job('b')]);
    const { calls } = startWorker(queues, {
      stage: 'status',
      work: ({ briefId }) =>
        briefId === 'a' ? { kind: 'later', afterMs: 3_600_000 } : { kind: 'done' },
    });
    await eventually(async () =>
      expect(await counts(queues, 'status')).toEqual({ ...none, delayed: 1 }),
    );
    expect(calls.map(({ briefId }) => briefId)).toEqual(['a', 'b']);
  });
});

describe('hold', () => {
  it('S2: puts the job back at the head, spends no attempt, and goes on by itself', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a'), job('b'), job('c')]);
    const { calls } = startWorker(queues, {
      work: (_job, call) => (call <= 3 ? { kind: 'hold', waitMs: 20 } : { kind: 'done' }),
    });
    await eventually(async () => expect(await counts(queues, 'submit')).toEqual(none));
    expect(calls.map(({ briefId }) => briefId).join('')).toBe('aaaabc');
  });

  it('S2: takes no job while it holds, and looks again within about a second', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a'), job('b')]);
    const heldAt: number[] = [];
    const { calls } = startWorker(queues, {
      work: (_job, call) => {
        heldAt.push(Date.now());
        return call <= 2 ? { kind: 'hold', waitMs: 3_600_000 } : { kind: 'done' };
      },
    });
    await eventually(async () => expect(await counts(queues, 'submit')).toEqual(none));
    expect(calls).toHaveLength(4);
    // Never sooner than the pause: a held queue does not spin.
    expect((heldAt[1] ?? 0) - (heldAt[0] ?? 0)).toBeGreaterThanOrEqual(950);
  });

  it('can be closed while it holds, and leaves the job to others', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a')]);
    const first = startWorker(queues, { work: () => ({ kind: 'hold', waitMs: 3_600_000 }) });
    await eventually(async () => expect(first.calls.length).toBeGreaterThan(0));
    await first.worker.close();
    expect(await counts(queues, 'submit')).toEqual({ ...none, waiting: 1 });
    const second = startWorker(queues, { work: () => ({ kind: 'done' }) });
    await eventually(async () => expect(await counts(queues, 'submit')).toEqual(none));
    expect(second.calls).toHaveLength(1);
  });
});

describe('a step that throws', () => {
  /** As `StageQueues.add` makes them, but with so few attempts that a test sees the last one. */
  async function addWithAttempts(queues: StageQueues, brief: string, attempts: number) {
    await queues.queue('submit').add(
      'submit',
      { v: 1, brief, attempt: 1 },
      {
        jobId: jobId('spring', brief, 1),
        attempts,
        backoff: { type: 'custom' },
        removeOnComplete: true,
        removeOnFail: false,
      },
    );
  }

  it('is tried again, and its brief given up with the reason when it fails for good (S4)', async () => {
    const { queues } = openQueues();
    await addWithAttempts(queues, 'a', 2);
    const { calls, givenUp } = startWorker(queues, {
      work: () => {
        throw new Error('the disk is full');
      },
    });
    await eventually(async () => expect(givenUp).toHaveLength(1));
    expect(calls).toHaveLength(2);
    expect(givenUp).toEqual([{ job: { briefId: 'a', attempt: 1 }, reason: 'the disk is full' }]);
    await eventually(async () => expect(await counts(queues, 'submit')).toEqual(none));
  });

  it('S3: a brief that went on meanwhile is looked after where it is', async () => {
    const { queues } = openQueues();
    await addWithAttempts(queues, 'a', 1);
    startWorker(queues, {
      work: () => {
        throw new Error('Redis is full');
      },
      giveUp: async () => ({ kind: 'next', stage: 'status', attempt: 1, delayMs: 0 }),
    });
    await eventually(async () => expect(await counts(queues, 'submit')).toEqual(none));
    expect(await queues.queue('status').getJob(jobId('spring', 'a', 1))).toMatchObject({
      data: { v: 1, brief: 'a', attempt: 1 },
    });
  });

  it('S3: a brief whose end was overtaken in this very stage gets its job back', async () => {
    const { queues } = openQueues();
    await addWithAttempts(queues, 'a', 1);
    const { calls } = startWorker(queues, {
      work: (_job, call) => {
        if (call === 1) throw new Error('no');
        return { kind: 'done' };
      },
      giveUp: async () => ({ kind: 'next', stage: 'submit', attempt: 1, delayMs: 0 }),
    });
    await eventually(async () => expect(calls).toHaveLength(2));
    await eventually(async () => expect(await counts(queues, 'submit')).toEqual(none));
  });

  it('S4: a brief whose giving up a crash prevented is given up at the next start', async () => {
    const { queues } = openQueues();
    await addWithAttempts(queues, 'a', 1);
    const failing = startWorker(queues, {
      work: () => {
        throw new Error('no');
      },
      giveUp: () => Promise.reject(new Error('Redis went away')),
    });
    await eventually(async () =>
      expect(await counts(queues, 'submit')).toEqual({ ...none, failed: 1 }),
    );
    await failing.worker.close();
    const next = startWorker(queues, { work: () => ({ kind: 'done' }) });
    await next.worker.sweepFailed();
    expect(next.givenUp).toEqual([{ job: { briefId: 'a', attempt: 1 }, reason: 'no' }]);
    expect(await counts(queues, 'submit')).toEqual(none);
    await next.worker.sweepFailed();
    expect(next.givenUp).toHaveLength(1);
  });

  it('S4: two processes that sweep at once end with nothing left, and neither fails', async () => {
    const { queues, prefix } = openQueues();
    await addWithAttempts(queues, 'a', 1);
    const failing = startWorker(queues, {
      work: () => {
        throw new Error('no');
      },
      giveUp: () => Promise.reject(new Error('not now')),
    });
    await eventually(async () =>
      expect(await counts(queues, 'submit')).toEqual({ ...none, failed: 1 }),
    );
    await failing.worker.close();
    const others = [openQueues(prefix), openQueues(prefix)].map((opened) =>
      startWorker(opened.queues, { work: () => ({ kind: 'done' }) }),
    );
    await Promise.all(others.map(({ worker }) => worker.sweepFailed()));
    expect(await counts(queues, 'submit')).toEqual(none);
  });

  it('S4: a job that cannot be read does not keep the others from being swept', async () => {
    const { queues } = openQueues();
    const poison = { v: 2, brief: 'x', attempt: 1 } as never;
    await queues.queue('submit').add('submit', poison, { jobId: 'b-0', attempts: 1 });
    await addWithAttempts(queues, 'a', 1);
    const failing = startWorker(queues, {
      work: () => {
        throw new Error('no');
      },
      giveUp: () => Promise.reject(new Error('not now')),
    });
    await eventually(async () =>
      expect(await counts(queues, 'submit')).toEqual({ ...none, failed: 2 }),
    );
    await failing.worker.close();
    const next = startWorker(queues, { work: () => ({ kind: 'done' }) });
    await next.worker.sweepFailed();
    expect(next.givenUp.map(({ job: { briefId } }) => briefId)).toEqual(['a']);
    expect(await counts(queues, 'submit')).toEqual({ ...none, failed: 1 });
  });
});

describe('stopping', () => {
  it('finishes what is under way when it is closed, and starts nothing more', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a'), job('b')]);
    const gate = new EventTarget();
    const { worker, calls } = startWorker(queues, {
      work: async () => {
        await once(gate, 'open');
        return { kind: 'done' };
      },
    });
    await eventually(async () => expect(calls).toHaveLength(1));
    const closed = worker.close();
    gate.dispatchEvent(new Event('open'));
    await closed;
    expect(calls).toHaveLength(1);
    expect(await counts(queues, 'submit')).toEqual({ ...none, waiting: 1 });
  });

  it('S3: another worker takes over the job of one that left without finishing it', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a')]);
    const gone = startWorker(queues, { work: () => new Promise<Step>(() => undefined) });
    await eventually(async () => expect(gone.calls).toHaveLength(1));
    await gone.worker.abandon();
    const { calls } = startWorker(queues, { work: () => ({ kind: 'done' }) });
    await vi.waitFor(() => expect(calls).toEqual([{ briefId: 'a', attempt: 1 }]), {
      timeout: 40_000,
      interval: 100,
    });
    await eventually(async () => expect(await counts(queues, 'submit')).toEqual(none));
  });
});

describe('state that is lost', () => {
  it('S4: no step is told as trouble, and no job is taken for done', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a'), job('b')]);
    const failing = (): Step => {
      throw new Error('Missing key');
    };
    const work = (_job: StageJob, call: number): Step =>
      call === 1 ? { kind: 'missing' } : failing();
    const { calls } = startWorker(queues, { work, loss: 'lost' });
    await eventually(async () => expect(calls).toHaveLength(2));
    expect(await counts(queues, 'submit')).toEqual({ ...none, active: 2 });
  });
});
