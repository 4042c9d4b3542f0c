import { describe, expect, it } from 'vitest';
import { jobId, type StageQueues } from '../../src/shared/queues.js';
import type { StageFeed } from '../../src/worker/stage-feed.js';
import type { Step } from '../../src/worker/stages/step.js';
import { counts, eventually, job, none, openFeed, openQueues } from './feeds.js';
import { noSeat } from './stages/stage-bench.js';

/** Takes a job where there is one, and does what its step says; tells which it was. */
async function turn(feed: StageFeed): Promise<string | null> {
  const taken = await feed.take();
  if (taken === null) return null;
  await feed.run(taken, noSeat);
  return taken.job.data.brief;
}

/** As a loop does it, until nothing is known to be due. */
async function drain(feed: StageFeed): Promise<void> {
  while (feed.readyMs !== Number.POSITIVE_INFINITY) {
    if (feed.readyMs <= Date.now()) await turn(feed);
    else await eventually(() => expect(feed.readyMs).toBeLessThanOrEqual(Date.now()));
  }
}

const ownJob = (queues: StageQueues, brief: string) =>
  queues.queue('submit').getJob(jobId('spring', brief, 1));

const done = (): Step => ({ kind: 'done' });
const failing = (): Step => {
  throw new Error('the disk is full');
};

describe('what a feed knows of its jobs', () => {
  it('S2: asks for jobs until there are none, and no more until it is told of some', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a'), job('b')]);
    const { feed } = openFeed(queues, { work: done });
    expect([await turn(feed), await turn(feed), await turn(feed)]).toEqual(['a', 'b', null]);
    expect(feed.readyMs).toBe(Number.POSITIVE_INFINITY);
    feed.expectJobs();
    expect(feed.readyMs).toBe(0);
  });

  it('asks once more where it is told of jobs while it asks', async () => {
    const { queues } = openQueues();
    const { feed } = openFeed(queues, { work: done });
    const asking = feed.take();
    feed.expectJobs();
    expect(await asking).toBeNull();
    expect(feed.readyMs).toBe(0);
  });

  it('learns from Redis when a job is due that others have put off', async () => {
    const { queues } = openQueues();
    const before = Date.now();
    await queues.add('status', [job('a', { delayMs: 60_000 })]);
    const { feed } = openFeed(queues, { stage: 'status', work: done });
    expect(await turn(feed)).toBeNull();
    expect(feed.readyMs).toBeGreaterThanOrEqual(before + 60_000);
    expect(feed.readyMs).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  it('tells whoever takes from it when it may have a job sooner', () => {
    const { queues } = openQueues();
    const { feed } = openFeed(queues, { work: done });
    const told: number[] = [];
    feed.onChange = () => told.push(feed.readyMs);
    feed.shutUntil(5_000);
    feed.expectJobAt(3_000);
    feed.expectJobAt(4_000);
    feed.shutUntil(0);
    feed.expectJobs();
    expect(told).toEqual([5_000, 5_000, 0, 0]);
  });

  it('leaves a queue alone for a moment that cannot be asked', async () => {
    const { queues, redis } = openQueues();
    const { feed, clock } = openFeed(queues, { work: done });
    clock.stop();
    await redis.set(queues.queue('submit').toKey('wait'), 'no list');
    await queues.queue('submit').waitUntilReady();
    expect(await turn(feed)).toBeNull();
    expect(feed.readyMs).toBe(clock.now() + 1_000);
    await redis.del(queues.queue('submit').toKey('wait'));
    await queues.add('submit', [job('a')]);
    expect(await turn(feed)).toBe('a');
  });
});

describe('done and next', () => {
  it('leaves nothing behind of a job that is done', async () => {
    const { queues, redis, prefix } = openQueues();
    await queues.add('submit', [job('a'), job('b')]);
    const { feed, calls } = openFeed(queues, { work: done });
    await drain(feed);
    expect(await counts(queues, 'submit')).toEqual(none);
    expect(calls.map(({ briefId }) => briefId)).toEqual(['a', 'b']);
    expect(await redis.keys(`${prefix}:*b-*`)).toEqual([]);
  });

  it('hands a brief on with its delay and its URLs, once', async () => {
    const { queues } = openQueues();
    await queues.add('status', [job('a', { attempt: 2 })]);
    const urls = ['https://media.test/1.png?token=1'];
    const { feed } = openFeed(queues, {
      stage: 'status',
      work: () => ({ kind: 'next', stage: 'collect', attempt: 2, delayMs: 60_000, urls }),
    });
    await drain(feed);
    expect(await counts(queues, 'status')).toEqual(none);
    const next = await queues.queue('collect').getJob(jobId('spring', 'a', 2));
    expect(next?.data).toEqual({ v: 1, brief: 'a', attempt: 2, urls });
    expect(await next?.isDelayed()).toBe(true);
    expect(await counts(queues, 'collect')).toEqual({ ...none, delayed: 1 });
  });

  it('hands a brief on to a new attempt in the same queue', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a')]);
    const { feed, calls } = openFeed(queues, {
      work: ({ attempt }) =>
        attempt === 1
          ? { kind: 'next', stage: 'submit', attempt: 2, delayMs: 0 }
          : { kind: 'done' },
    });
    await drain(feed);
    expect(await counts(queues, 'submit')).toEqual(none);
    expect(calls).toEqual([
      { briefId: 'a', attempt: 1 },
      { briefId: 'a', attempt: 2 },
    ]);
  });

  it('S3: does not lose a brief whose next job is this very job', async () => {
    // Overtaken by a frozen worker that woke up: the state changed, the stage did not.
    const { queues } = openQueues();
    await queues.add('status', [job('a', { urls: ['https://media.test/1.png'] })]);
    const { feed, calls } = openFeed(queues, {
      stage: 'status',
      work: (_job, call) =>
        call === 1 ? { kind: 'next', stage: 'status', attempt: 1, delayMs: 0 } : { kind: 'done' },
    });
    await drain(feed);
    expect(calls).toHaveLength(2);
    expect(calls[1]).toEqual(calls[0]);
    expect(await counts(queues, 'status')).toEqual(none);
  });
});

describe('later', () => {
  it('S2: comes back after its time without spending an attempt, with fresh URLs', async () => {
    const { queues } = openQueues();
    await queues.add('collect', [job('a', { urls: ['https://media.test/old'] })]);
    const attempts: (number | undefined)[] = [];
    const { feed, calls } = openFeed(queues, {
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
    await drain(feed);
    expect(await counts(queues, 'collect')).toEqual(none);
    expect(calls).toHaveLength(50);
    expect(calls[0]?.urls).toEqual(['https://media.test/old']);
    expect(calls[1]?.urls).toEqual(['https://media.test/new']);
    expect(calls[49]?.urls).toEqual(['https://media.test/new']);
    expect(new Set(attempts)).toEqual(new Set([0]));
  });

  it('S2: is in nobody’s hand meanwhile, and its time is known without any news', async () => {
    const { queues } = openQueues();
    await queues.add('status', [job('a'), job('b')]);
    const { feed } = openFeed(queues, {
      stage: 'status',
      work: ({ briefId }) =>
        briefId === 'a' ? { kind: 'later', afterMs: 3_600_000 } : { kind: 'done' },
    });
    const before = Date.now();
    expect([await turn(feed), await turn(feed), await turn(feed)]).toEqual(['a', 'b', null]);
    expect(await counts(queues, 'status')).toEqual({ ...none, delayed: 1 });
    expect(feed.readyMs).toBeGreaterThanOrEqual(before + 3_600_000);
    expect(feed.readyMs).toBeLessThanOrEqual(Date.now() + 3_600_000);
  });

  it('keeps with the job how often it was put off, and why', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a')]);
    const { feed, calls } = openFeed(queues, {
      work: (_job, call) =>
        call === 1
          ? { kind: 'later', afterMs: 0, tries: 2, puttingsOff: 3 }
          : { kind: 'later', afterMs: 3_600_000 },
    });
    await turn(feed);
    await eventually(async () => expect(await turn(feed)).toBe('a'));
    expect(calls[1]).toEqual({ briefId: 'a', attempt: 1, tries: 2, puttingsOff: 3 });
  });
});

describe('hold', () => {
  it('S2: puts the job back at the head, and spends no attempt', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a'), job('b'), job('c')]);
    const { feed, calls } = openFeed(queues, {
      work: (_job, call) =>
        call <= 3 ? { kind: 'hold', of: 'all', waitMs: 20 } : { kind: 'done' },
    });
    await drain(feed);
    expect(calls.map(({ briefId }) => briefId).join('')).toBe('aaaabc');
    expect(await counts(queues, 'submit')).toEqual(none);
  });

  it('S2: of its batch takes none of it until then, or until it is known to be over', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a'), job('b')]);
    const { feed, clock, heldAll } = openFeed(queues, {
      work: () => ({ kind: 'hold', of: 'batch', waitMs: 600_000 }),
    });
    clock.stop();
    await turn(feed);
    expect(feed.readyMs).toBe(clock.now() + 600_000);
    expect(heldAll).toEqual([]);
    expect(await counts(queues, 'submit')).toEqual({ ...none, waiting: 2 });
    expect((await ownJob(queues, 'a'))?.attemptsMade).toBe(0);
    feed.shutUntil(0);
    expect(feed.readyMs).toBe(0);
  });

  it('S2: of all is told to whoever takes jobs of any batch', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a')]);
    const { feed, heldAll } = openFeed(queues, {
      work: () => ({ kind: 'hold', of: 'all', waitMs: 600_000 }),
    });
    await turn(feed);
    expect(heldAll).toEqual([600_000]);
    expect(feed.readyMs).toBe(0);
    expect(await counts(queues, 'submit')).toEqual({ ...none, waiting: 1 });
  });
});

describe('a step that throws', () => {
  it('is tried again, spaced, by whichever process; what came of it can be seen', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a')]);
    const first = openFeed(queues, { work: failing });
    const before = Date.now();
    await turn(first.feed);
    expect(await counts(queues, 'submit')).toEqual({ ...none, delayed: 1 });
    const failed = await ownJob(queues, 'a');
    expect(failed).toMatchObject({ attemptsMade: 1, failedReason: 'the disk is full' });
    expect(first.feed.readyMs).toBe(0);
    expect(await turn(first.feed)).toBeNull();
    expect(first.feed.readyMs).toBeGreaterThanOrEqual(before + 1_000);
    const second = openFeed(queues, { work: failing });
    await queues.queue('submit').promoteJobs();
    const again = Date.now();
    await turn(second.feed);
    await turn(second.feed);
    expect(second.feed.readyMs).toBeGreaterThanOrEqual(again + 2_000);
    expect((await ownJob(queues, 'a'))?.attemptsMade).toBe(2);
  });
});
