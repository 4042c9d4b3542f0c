import { describe, expect, it } from 'vitest';
import { jobId, type StageQueues } from '../../src/shared/queues.js';
import type { StageFeed } from '../../src/worker/stage-feed.js';
import type { Seat, Step } from '../../src/worker/stages/step.js';
import { noSeat } from '../../src/worker/stages/step.js';
import { counts, eventually, job, none, openFeed, openQueues } from './feeds.js';

/** Takes a job where there is one, and does what its step says; tells which it was. */
async function turn(feed: StageFeed, seat: Seat = noSeat): Promise<string | null> {
  const taken = await feed.take();
  if (taken === null) return null;
  await feed.run(taken, seat);
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
    expect(feed.readyMs).toBeLessThanOrEqual(Date.now() + 60_050);
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

  it('knows what a hint has brought forward, once: what it led to was looked at', async () => {
    const { queues } = openQueues();
    await queues.add('status', [job('a', { delayMs: 60_000 })]);
    const { feed, calls } = openFeed(queues, {
      stage: 'status',
      work: (_job, call) => (call === 1 ? { kind: 'later', afterMs: 0 } : done()),
    });
    await queues.hasten('a', 1, 0);
    await drain(feed);
    expect(calls).toEqual([
      { briefId: 'a', attempt: 1, hinted: true },
      { briefId: 'a', attempt: 1 },
    ]);
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
    const { feed, clock } = openFeed(queues, {
      work: () => ({ kind: 'hold', of: 'batch', waitMs: 600_000 }),
    });
    clock.stop();
    await turn(feed);
    expect(feed.readyMs).toBe(clock.now() + 600_000);
    expect(await counts(queues, 'submit')).toEqual({ ...none, waiting: 2 });
    expect((await ownJob(queues, 'a'))?.attemptsMade).toBe(0);
    feed.shutUntil(0);
    expect(feed.readyMs).toBe(0);
  });

  it('S2: of its batch says nothing where there was news of it since it was found out', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a')]);
    const { feed } = openFeed(queues, {
      work: () => {
        // Its cap was raised just when this one was told of it.
        feed.news();
        return { kind: 'hold', of: 'batch', waitMs: 600_000 };
      },
    });
    await turn(feed);
    expect(feed.readyMs).toBe(0);
  });

  it('S2: of what the account is to find out ends with news of the account, and no other does', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a')]);
    let of: 'batch' | 'batch_until_account' = 'batch';
    const { feed, clock } = openFeed(queues, {
      work: () => ({ kind: 'hold', of, waitMs: 600_000 }),
    });
    clock.stop();
    await turn(feed);
    feed.accountNews();
    expect(feed.readyMs).toBe(clock.now() + 600_000);
    feed.news();
    of = 'batch_until_account';
    await turn(feed);
    expect(feed.readyMs).toBe(clock.now() + 600_000);
    feed.accountNews();
    expect(feed.readyMs).toBe(0);
  });

  it('news of the account that comes while a job asks is not lost', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a')]);
    const { feed } = openFeed(queues, {
      work: () => {
        feed.accountNews();
        return { kind: 'hold', of: 'batch_until_account', waitMs: 600_000 };
      },
    });
    await turn(feed);
    expect(feed.readyMs).toBe(0);
  });

  it('S2: of all is told to whoever takes jobs of any batch', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a')]);
    const { feed } = openFeed(queues, {
      work: () => ({ kind: 'hold', of: 'all', waitMs: 600_000 }),
    });
    const heldAll: number[] = [];
    await turn(feed, { ...noSeat, hold: (waitMs) => heldAll.push(waitMs) });
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

describe('a step that fails over and over', () => {
  /** A job that has failed so often before, in whichever process. */
  async function addFailed(brief: string, times: number) {
    const opened = openQueues();
    await opened.queues.add('submit', [job(brief)]);
    const key = opened.queues.queue('submit').toKey(jobId('spring', brief, 1));
    await opened.redis.hset(key, 'atm', times);
    return opened;
  }

  it('S4: gives its brief up with the reason, the fortieth time and not before', async () => {
    const { queues } = await addFailed('a', 38);
    const { feed, givenUp } = openFeed(queues, { work: failing });
    await turn(feed);
    expect(givenUp).toEqual([]);
    expect(await counts(queues, 'submit')).toEqual({ ...none, delayed: 1 });
    await queues.queue('submit').promoteJobs();
    await turn(feed);
    expect(givenUp).toEqual([{ job: { briefId: 'a', attempt: 1 }, reason: 'the disk is full' }]);
    expect(await counts(queues, 'submit')).toEqual(none);
  });

  it('S3: a brief that went on meanwhile is looked after where it is', async () => {
    const { queues } = await addFailed('a', 39);
    const { feed } = openFeed(queues, {
      work: failing,
      giveUp: async () => ({ kind: 'next', stage: 'status', attempt: 1, delayMs: 0 }),
    });
    await turn(feed);
    expect(await counts(queues, 'submit')).toEqual(none);
    expect(await queues.queue('status').getJob(jobId('spring', 'a', 1))).toMatchObject({
      data: { v: 1, brief: 'a', attempt: 1 },
    });
  });

  it('S3: a brief whose end was overtaken in this very stage keeps its job', async () => {
    const { queues } = await addFailed('a', 39);
    const { feed, calls } = openFeed(queues, {
      work: (_job, call) => (call === 1 ? failing() : { kind: 'done' }),
      giveUp: async () => ({ kind: 'next', stage: 'submit', attempt: 1, delayMs: 0 }),
    });
    await turn(feed);
    expect(await counts(queues, 'submit')).toEqual({ ...none, delayed: 1 });
    await queues.queue('submit').promoteJobs();
    await turn(feed);
    expect(calls).toHaveLength(2);
    expect(await counts(queues, 'submit')).toEqual(none);
  });

  it('S4: tries the giving up again where that fails', async () => {
    const { queues } = await addFailed('a', 39);
    let isUp = false;
    const { feed, givenUp } = openFeed(queues, {
      work: failing,
      giveUp: async () => {
        if (!isUp) throw new Error('Redis went away');
        return { kind: 'done' };
      },
    });
    await turn(feed);
    expect(await counts(queues, 'submit')).toEqual({ ...none, delayed: 1 });
    isUp = true;
    await queues.queue('submit').promoteJobs();
    await turn(feed);
    expect(givenUp).toHaveLength(1);
    expect(await counts(queues, 'submit')).toEqual(none);
  });

  it('S4: a job that cannot be read is no reason to stop', async () => {
    const { queues } = openQueues();
    const poison = { v: 2, brief: 'x', attempt: 1 } as never;
    await queues.queue('submit').add('submit', poison, { jobId: 'b-0' });
    await queues.add('submit', [job('a')]);
    const { feed, calls } = openFeed(queues, { work: done });
    expect([await turn(feed), await turn(feed)]).toEqual(['x', 'a']);
    expect(calls).toEqual([{ briefId: 'a', attempt: 1 }]);
    expect(await counts(queues, 'submit')).toEqual({ ...none, delayed: 1 });
  });
});

describe('jobs that failed for good in an earlier version', () => {
  /** In BullMQ's own way, in which they were counted then. */
  async function failForGood(queues: StageQueues, data: object, id: string) {
    const queue = queues.queue('submit');
    await queue.add('submit', data as never, { jobId: id });
    const { feed } = openFeed(queues, { work: done });
    const taken = await feed.take();
    await taken?.job.moveToFailed(new Error('no'), taken.token, false);
  }
  const failOf = (queues: StageQueues, brief: string) =>
    failForGood(queues, { v: 1, brief, attempt: 1 }, jobId('spring', brief, 1));

  it('S4: get their lines at the next start, once', async () => {
    const { queues } = openQueues();
    await failOf(queues, 'a');
    expect(await counts(queues, 'submit')).toEqual({ ...none, failed: 1 });
    const { feed, givenUp } = openFeed(queues, { work: done });
    await feed.sweepFailed();
    expect(givenUp).toEqual([{ job: { briefId: 'a', attempt: 1 }, reason: 'no' }]);
    expect(await counts(queues, 'submit')).toEqual(none);
    await feed.sweepFailed();
    expect(givenUp).toHaveLength(1);
  });

  it('S3: go on where their briefs are', async () => {
    const { queues } = openQueues();
    await failOf(queues, 'here');
    await failOf(queues, 'there');
    const { feed } = openFeed(queues, {
      work: done,
      giveUp: async ({ briefId, attempt }) => ({
        kind: 'next',
        stage: briefId === 'here' ? 'submit' : 'status',
        ...{ attempt, delayMs: 0 },
      }),
    });
    await feed.sweepFailed();
    expect(await counts(queues, 'submit')).toEqual({ ...none, waiting: 1 });
    expect(await queues.has('status', 'there', 1)).toBe(true);
  });

  it('S4: two processes that sweep at once end with nothing left, and neither fails', async () => {
    const { queues, prefix } = openQueues();
    await failOf(queues, 'a');
    const feeds = [openQueues({ prefix }), openQueues({ prefix })].map(
      (opened) => openFeed(opened.queues, { work: done }).feed,
    );
    await Promise.all(feeds.map((feed) => feed.sweepFailed()));
    expect(await counts(queues, 'submit')).toEqual(none);
  });

  it('S4: are swept though one of them cannot be read', async () => {
    const { queues } = openQueues();
    await failForGood(queues, { v: 2, brief: 'x', attempt: 1 }, 'b-0');
    await failOf(queues, 'a');
    const { feed, givenUp } = openFeed(queues, { work: done });
    await feed.sweepFailed();
    expect(givenUp.map(({ job: { briefId } }) => briefId)).toEqual(['a']);
    expect(await counts(queues, 'submit')).toEqual({ ...none, failed: 1 });
  });
});

describe('what is in hand', () => {
  const lockKey = (queues: StageQueues, brief: string) =>
    `${queues.queue('submit').toKey(jobId('spring', brief, 1))}:lock`;

  it('S1: stays locked for as long as it takes', async () => {
    const { queues, redis } = openQueues();
    await queues.add('submit', [job('old'), job('new')]);
    const { feed, clock } = openFeed(queues, { work: done });
    clock.stop();
    await feed.take();
    clock.aheadMs += 3_000;
    await feed.take();
    for (const brief of ['old', 'new']) await redis.pexpire(lockKey(queues, brief), 600_000);
    await feed.renewLocks(2_500);
    expect(await redis.pttl(lockKey(queues, 'old'))).toBeLessThanOrEqual(8_000);
    expect(await redis.pttl(lockKey(queues, 'new'))).toBeGreaterThan(8_000);
  });

  it('S3: of a worker that was killed is found by another that suspects it, once its lock has ended', async () => {
    const { queues, prefix, redis } = openQueues();
    await queues.add('submit', [job('a')]);
    const killed = openFeed(queues, { work: done }).feed;
    await killed.take();
    killed.abandon();
    const { feed, calls } = openFeed(openQueues({ prefix }).queues, { work: done });
    expect(await turn(feed)).toBeNull();
    feed.suspect();
    await feed.rescue();
    expect(await turn(feed)).toBeNull();
    await redis.del(lockKey(queues, 'a'));
    await eventually(async () => {
      await feed.rescue();
      expect(feed.readyMs).toBe(0);
    });
    expect(await turn(feed)).toBe('a');
    expect(calls).toEqual([{ briefId: 'a', attempt: 1 }]);
    expect(await counts(queues, 'submit')).toEqual(none);
  });

  it('S3: is looked for as long as it is there, whatever is taken while the answer is on its way', async () => {
    const { queues, prefix } = openQueues();
    await queues.add('submit', [job('a'), job('b')]);
    const killed = openFeed(queues, { work: done }).feed;
    await killed.take();
    killed.abandon();
    const other = openQueues({ prefix }).queues;
    const { feed } = openFeed(other, { work: done });
    const queue = other.queue('submit');
    const { getRanges } = queue;
    queue.getRanges = async (...asked) => {
      const found = await getRanges.apply(queue, asked);
      await feed.take();
      return found;
    };
    feed.suspect();
    await feed.rescue();
    expect(feed.isSuspect).toBe(true);
  });

  it('S1: of a worker that is alive is left to it', async () => {
    const { queues, prefix, redis } = openQueues();
    await queues.add('submit', [job('a')]);
    const alive = openFeed(queues, { work: done }).feed;
    const taken = await alive.take();
    const { feed } = openFeed(openQueues({ prefix }).queues, { work: done });
    await turn(feed);
    feed.suspect();
    for (let look = 0; look < 3; look += 1) {
      await feed.rescue();
      // Else the next look is one too soon, and is not made.
      await redis.del(queues.queue('submit').toKey('stalled-check'));
    }
    expect(feed.readyMs).toBe(Number.POSITIVE_INFINITY);
    if (taken) await alive.run(taken, noSeat);
    expect(await counts(queues, 'submit')).toEqual(none);
  });

  it('S2: is looked for no longer than it can be there', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a')]);
    const { feed } = openFeed(queues, { work: done });
    expect(feed.isSuspect).toBe(false);
    feed.suspect();
    expect(feed.isSuspect).toBe(true);
    const taken = await feed.take();
    // All that is active is its own.
    await feed.rescue();
    expect(feed.isSuspect).toBe(false);
    if (taken) await feed.run(taken, noSeat);
  });

  it('S3: a job that could not be put away is found again', async () => {
    const { queues, redis } = openQueues();
    await queues.add('submit', [job('a')]);
    const { feed } = openFeed(queues, {
      work: async () => {
        // As where Redis took the move and the answer was lost: the lock is another's.
        await redis.set(lockKey(queues, 'a'), 'another');
        return { kind: 'done' };
      },
    });
    expect(await turn(feed)).toBe('a');
    expect(feed.isSuspect).toBe(true);
    await redis.del(lockKey(queues, 'a'));
    await eventually(async () => {
      await feed.rescue();
      expect(feed.readyMs).toBe(0);
    });
  });
});

describe('closing', () => {
  it('finishes what is in hand, and takes nothing more', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a'), job('b')]);
    const { feed, calls } = openFeed(queues, { work: done });
    const taken = await feed.take();
    if (taken === null) throw new Error('there is one');
    let isClosed = false;
    const closed = feed.close().then(() => {
      isClosed = true;
    });
    expect(feed.readyMs).toBe(Number.POSITIVE_INFINITY);
    await queues.queue('submit').getWaitingCount();
    expect(isClosed).toBe(false);
    await feed.run(taken, noSeat);
    await closed;
    expect(calls).toHaveLength(1);
    expect(await counts(queues, 'submit')).toEqual({ ...none, waiting: 1 });
  });

  it('leaves a job that it holds back to others', async () => {
    const { queues, prefix } = openQueues();
    await queues.add('submit', [job('a')]);
    const first = openFeed(queues, {
      work: () => ({ kind: 'hold', of: 'batch', waitMs: 3_600_000 }),
    });
    await turn(first.feed);
    await first.feed.close();
    expect(await counts(queues, 'submit')).toEqual({ ...none, waiting: 1 });
    const second = openFeed(openQueues({ prefix }).queues, { work: done });
    expect(await turn(second.feed)).toBe('a');
  });

  it('gives back what it took with the end of another, so that nobody waits for that', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a'), job('b')]);
    const { feed, calls } = openFeed(queues, { work: done });
    expect(await turn(feed, { ...noSeat, handsOn: () => true })).toBe('a');
    await feed.close();
    expect(calls).toHaveLength(1);
    expect(await counts(queues, 'submit')).toEqual({ ...none, waiting: 1 });
  });

  it('does so where it is closed while it takes that', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a'), job('b')]);
    const { feed } = openFeed(queues, { work: done });
    let closed: Promise<void> | null = null;
    const handsOn = () => {
      setImmediate(() => {
        closed = feed.close();
      });
      return true;
    };
    await turn(feed, { ...noSeat, handsOn });
    await eventually(() => expect(closed).not.toBeNull());
    await closed;
    expect(await counts(queues, 'submit')).toEqual({ ...none, waiting: 1 });
  });

  it('waits for nothing where it leaves at once', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a')]);
    const { feed } = openFeed(queues, { work: done });
    await feed.take();
    const closed = feed.close();
    feed.abandon();
    await closed;
    expect(await counts(queues, 'submit')).toEqual({ ...none, active: 1 });
  });
});

describe('state that is lost', () => {
  it('S4: no step is told as trouble, and no job is taken for done', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a'), job('b')]);
    const { feed, calls, givenUp } = openFeed(queues, {
      work: (_job, call) => (call === 1 ? { kind: 'missing' } : failing()),
      loss: 'lost',
    });
    await turn(feed);
    await turn(feed);
    expect(calls).toHaveLength(2);
    expect(givenUp).toEqual([]);
    expect(await counts(queues, 'submit')).toEqual({ ...none, waiting: 2 });
    expect((await ownJob(queues, 'a'))?.failedReason).toBeUndefined();
  });

  it('S4: a brief that is missing where nothing is lost has no job any more', async () => {
    const { queues } = openQueues();
    await queues.add('submit', [job('a')]);
    const { feed } = openFeed(queues, { work: () => ({ kind: 'missing' }) });
    await turn(feed);
    expect(await counts(queues, 'submit')).toEqual(none);
  });
});

describe('jobs that come due in one moment', () => {
  const putOff = (brief: string) => job(brief, { delayMs: 150 });

  /** Until nothing is known to come. */
  async function takeAll({ feed, clock }: ReturnType<typeof openFeed>): Promise<void> {
    while (feed.readyMs !== Number.POSITIVE_INFINITY) {
      if (feed.readyMs <= clock.now()) await turn(feed);
      else await eventually(() => expect(feed.readyMs).toBeLessThanOrEqual(clock.now()));
    }
  }

  it('are all taken where it put them off itself, though its clock is a little ahead of BullMQ', async () => {
    const { queues } = openQueues();
    const opened = openFeed(queues, { work: done });
    await turn(opened.feed);
    opened.clock.aheadMs = 30;
    const dueMs = Date.now() + 150;
    await queues.add('submit', ['a', 'b', 'c'].map(putOff));
    for (let told = 0; told < 3; told += 1) opened.feed.expectJobAt(dueMs);
    await takeAll(opened);
    expect(opened.calls.map(({ briefId }) => briefId).sort()).toEqual(['a', 'b', 'c']);
  });

  it('are all taken where others put them off, who are gone', async () => {
    const { queues } = openQueues();
    await queues.add('submit', ['a', 'b', 'c'].map(putOff));
    const opened = openFeed(queues, { work: done });
    await takeAll(opened);
    expect(opened.calls.map(({ briefId }) => briefId).sort()).toEqual(['a', 'b', 'c']);
  });
});
