import { describe, expect, it, onTestFinished } from 'vitest';
import { jobId } from '../../src/shared/queues.js';
import { StageLoop, type StageLoopOptions } from '../../src/worker/stage-loop.js';
import type { Seat, StageJob, Step } from '../../src/worker/stages/step.js';
import { newPrefix } from '../support/ledger.js';
import { counts, eventually, type FeedSetup, job, none, openFeed, openQueues } from './feeds.js';
import { log, ShiftedClock } from './stages/stage-bench.js';

const done: Step = { kind: 'done' };
/** Its turn came at once: nothing is scarce. */
const freely = 0;
/** It had to wait for its turn. */
const scarcely = 1_000;
const longMs = 3_600_000;

function openLoop(options: Partial<StageLoopOptions> = {}) {
  const prefix = newPrefix();
  const clock = new ShiftedClock();
  const loop = new StageLoop({ seats: 4, clock, log, ...options });
  const pings: (() => Promise<unknown>)[] = [];
  onTestFinished(() => void loop.stop());
  /** One batch of this loop, with its jobs. */
  const batch = async (name: string, briefs: string[], setup: FeedSetup) => {
    const opened = openQueues({ batch: name, prefix });
    await opened.queues.add(
      'submit',
      briefs.map((brief) => job(brief)),
    );
    pings.push(() => opened.redis.ping());
    const fed = openFeed(opened.queues, { ...setup, clock });
    loop.add(fed.feed);
    return { ...opened, ...fed };
  };
  /** After it, whatever the loop was going to ask Redis for is answered. */
  const settle = async () => {
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(pings.map((ping) => ping()));
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { loop, clock, prefix, batch, settle };
}

const numbered = (head: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${head}${index}`);

/** Each job's step waits until it is told to end; those that are under way, in their order. */
function underWay() {
  const jobs: { briefId: string; seat: Seat; end(step: Step): void }[] = [];
  const work = ({ briefId }: StageJob, _call: number, seat: Seat) =>
    new Promise<Step>((end) => jobs.push({ briefId, seat, end }));
  const ids = () => jobs.map(({ briefId }) => briefId);
  return { jobs, work, ids };
}

describe('StageLoop', () => {
  it('takes the jobs of all its batches, those that were there and those of which it is told', async () => {
    const { loop, batch } = openLoop();
    const spring = await batch('spring', ['a', 'b'], { work: () => done });
    const summer = await batch('summer', ['c'], { work: () => done });
    loop.start();
    await eventually(() => expect(spring.calls.concat(summer.calls)).toHaveLength(3));
    await summer.queues.add('submit', [job('d')]);
    summer.feed.expectJobs();
    await eventually(async () => expect(await counts(summer.queues, 'submit')).toEqual(none));
    const autumn = await batch('autumn', ['e'], { work: () => done });
    await eventually(() => expect(autumn.calls).toEqual([{ briefId: 'e', attempt: 1 }]));
  });

  it('takes no more of a batch that was taken off, nor of any once it is stopped', async () => {
    const { loop, batch, settle } = openLoop();
    const spring = await batch('spring', ['a'], { work: () => done });
    const summer = await batch('summer', [], { work: () => done });
    loop.remove(spring.feed);
    loop.start();
    await settle();
    expect(spring.calls).toEqual([]);
    await loop.stop();
    await summer.queues.add('submit', [job('b')]);
    summer.feed.expectJobs();
    await settle();
    expect(await counts(summer.queues, 'submit')).toEqual({ ...none, waiting: 1 });
  });

  it('a job that was put off comes back at its time, without any news', async () => {
    const { loop, batch } = openLoop();
    const { calls, queues } = await batch('spring', ['a'], {
      work: (_job, call) => (call < 3 ? { kind: 'later', afterMs: 20 } : done),
    });
    loop.start();
    await eventually(() => expect(calls).toHaveLength(3));
    await eventually(async () => expect(await counts(queues, 'submit')).toEqual(none));
  });

  it('so does one that another process has put off', async () => {
    const { loop, batch } = openLoop();
    const { calls, queues } = await batch('spring', [], { work: () => done });
    await queues.add('submit', [job('a', { delayMs: 50 })]);
    loop.start();
    await eventually(() => expect(calls).toHaveLength(1));
  });
});

describe('seats', () => {
  it('takes so many at once and no more, where all is given freely', async () => {
    const { loop, batch, settle } = openLoop({ seats: 3 });
    const { jobs, work } = underWay();
    await batch('spring', numbered('b', 10), {
      work: (taken, call, seat) => {
        seat.passOn(freely);
        return work(taken, call, seat);
      },
    });
    loop.start();
    await eventually(() => expect(jobs).toHaveLength(3));
    await settle();
    expect(jobs).toHaveLength(3);
    expect(loop.isFull).toBe(true);
    jobs[0]?.end(done);
    await eventually(() => expect(jobs).toHaveLength(4));
    // It goes on without a seat, so another one has it.
    jobs[1]?.seat.leave();
    await eventually(() => expect(jobs).toHaveLength(5));
    await settle();
    expect(jobs).toHaveLength(5);
  });

  it('S2: takes the next only once it is settled what the one before needs', async () => {
    const { loop, batch, settle } = openLoop();
    const { jobs, work, ids } = underWay();
    const { queues } = await batch('spring', ['a', 'b', 'c'], { work });
    loop.start();
    await eventually(() => expect(jobs).toHaveLength(1));
    await settle();
    expect(ids()).toEqual(['a']);
    expect(await counts(queues, 'submit')).toEqual({ ...none, active: 1, waiting: 2 });
    jobs[0]?.seat.passOn(scarcely);
    jobs[0]?.seat.passOn(scarcely);
    await eventually(() => expect(jobs).toHaveLength(2));
    await settle();
    expect(ids()).toEqual(['a', 'b']);
    jobs[1]?.end(done);
    await eventually(() => expect(ids()).toEqual(['a', 'b', 'c']));
  });

  it('lets more ask at once the longer turns come freely, and one again once they are scarce', async () => {
    const { loop, batch, settle } = openLoop({ seats: 20 });
    const { jobs, work } = underWay();
    await batch('spring', numbered('b', 30), { work });
    loop.start();
    await eventually(() => expect(jobs).toHaveLength(1));
    jobs[0]?.seat.passOn(freely);
    await eventually(() => expect(jobs).toHaveLength(3));
    jobs[1]?.seat.passOn(freely);
    await eventually(() => expect(jobs).toHaveLength(6));
    jobs[2]?.seat.passOn(scarcely);
    await settle();
    expect(jobs).toHaveLength(6);
    for (const { seat } of jobs.slice(3)) seat.passOn(scarcely);
    await eventually(() => expect(jobs).toHaveLength(7));
    await settle();
    expect(jobs).toHaveLength(7);
  });
});

describe('turns', () => {
  /** In which order jobs are taken where each has to wait for its turn. */
  async function order(batches: { name: string; briefs: number; priority?: number }[]) {
    const { loop, batch } = openLoop();
    const taken: string[] = [];
    for (const { name, briefs, priority = 0 } of batches) {
      const { feed } = await batch(name, numbered(name, briefs), {
        work: async (_job, _call, seat) => {
          taken.push(name);
          seat.passOn(scarcely);
          return done;
        },
      });
      feed.priority = priority;
    }
    loop.start();
    const all = batches.reduce((sum, { briefs }) => sum + briefs, 0);
    await eventually(() => expect(taken).toHaveLength(all));
    return taken;
  }

  it('a small batch does not wait behind a big one', async () => {
    const taken = await order([
      { name: 'big', briefs: 40 },
      { name: 'small', briefs: 5 },
    ]);
    expect(taken.lastIndexOf('small')).toBeLessThan(12);
  });

  it('S2: nor behind one that came earlier and has had its turns', async () => {
    const { loop, batch } = openLoop();
    const taken: string[] = [];
    const { jobs, work } = underWay();
    const scarce: FeedSetup['work'] = async (stageJob, call, seat) => {
      taken.push(stageJob.briefId);
      return taken.length === 10 ? work(stageJob, call, seat) : done;
    };
    await batch('big', numbered('big', 40), { work: scarce });
    loop.start();
    await eventually(() => expect(jobs).toHaveLength(1));
    await batch('small', numbered('small', 5), { work: scarce });
    jobs[0]?.end(done);
    await eventually(() => expect(taken).toHaveLength(45));
    expect(taken.indexOf('small4')).toBeLessThan(10 + 12);
    // Nor does it go before the big one alone: it has waited no longer.
    expect(taken.slice(10, 15).some((id) => id.startsWith('big'))).toBe(true);
  });

  it('a higher priority goes first, and the others are not starved', async () => {
    const taken = await order(
      [
        { name: 'low', briefs: 20 },
        { name: 'high', briefs: 20 },
      ].map((each) => ({ ...each, priority: each.name === 'high' ? 5 : 0 })),
    );
    const whileBoth = taken.slice(0, taken.lastIndexOf('high') + 1);
    const low = whileBoth.filter((name) => name === 'low').length;
    expect(low).toBeGreaterThanOrEqual(4);
    expect(low).toBeLessThanOrEqual(8);
  });
});

describe('holds', () => {
  it('S2: no job of any batch is taken while all are held, and one question is asked where that may be over', async () => {
    const asked: number[] = [];
    let waitMs = longMs;
    const leave = async () => {
      asked.push(waitMs);
      return waitMs;
    };
    const { loop, batch, settle } = openLoop({ leave });
    let held = true;
    const work = (): Step => (held ? { kind: 'hold', of: 'all', waitMs: longMs } : done);
    const spring = await batch('spring', numbered('a', 5), { work });
    const summer = await batch('summer', numbered('b', 5), { work });
    const calls = () => spring.calls.length + summer.calls.length;
    loop.start();
    await eventually(async () => {
      expect(calls()).toBe(1);
      expect(await counts(spring.queues, 'submit')).toEqual({ ...none, waiting: 5 });
    });
    // Whatever is told of batches: what holds is not theirs.
    spring.feed.expectJobs();
    summer.feed.expectJobs();
    await settle();
    expect(calls()).toBe(1);
    expect(asked).toEqual([]);
    loop.news();
    await eventually(() => expect(asked).toHaveLength(1));
    await settle();
    expect(asked).toHaveLength(1);
    expect(calls()).toBe(1);
    held = false;
    waitMs = 0;
    loop.news();
    await eventually(() => expect(calls()).toBe(11));
    // From then on each brief asks for itself.
    expect(asked).toHaveLength(2);
  });

  it('S2: asks again when the time of a hold is over, told by nobody', async () => {
    const asked: number[] = [];
    const leave = async () => {
      asked.push(0);
      return asked.length < 3 ? 30 : 0;
    };
    const { loop, batch } = openLoop({ leave });
    const { calls } = await batch('spring', ['a'], {
      work: (_job, call) => (call === 1 ? { kind: 'hold', of: 'all', waitMs: 30 } : done),
    });
    loop.start();
    await eventually(() => expect(calls).toHaveLength(2));
    expect(asked).toHaveLength(3);
  });

  it('S2: a hold of one batch leaves the others alone', async () => {
    const { loop, batch, settle } = openLoop();
    const paused = await batch('paused', numbered('a', 5), {
      work: () => ({ kind: 'hold', of: 'batch', waitMs: longMs }),
    });
    const other = await batch('other', numbered('b', 5), { work: () => done });
    loop.start();
    await eventually(async () => expect(await counts(other.queues, 'submit')).toEqual(none));
    await settle();
    expect(paused.calls).toHaveLength(1);
    expect(await counts(paused.queues, 'submit')).toEqual({ ...none, waiting: 5 });
    paused.feed.shutUntil(0);
    await eventually(() => expect(paused.calls).toHaveLength(2));
  });

  it('news that comes while a job asks for leave is not lost', async () => {
    const asked: number[] = [];
    const leave = async () => {
      asked.push(0);
      return 0;
    };
    const { loop, batch } = openLoop({ leave });
    const { calls } = await batch('spring', ['a'], {
      work: (_job, call) => {
        if (call > 1) return done;
        // A place was given back just when this one was told that there is none.
        loop.news();
        return { kind: 'hold', of: 'all', waitMs: longMs };
      },
    });
    loop.start();
    await eventually(() => expect(calls).toHaveLength(2));
    expect(asked).toHaveLength(1);
  });

  it('goes on asking where it could not ask for leave', async () => {
    let asked = 0;
    const leave = async () => {
      asked += 1;
      if (asked === 1) throw new Error('Redis went away');
      return 0;
    };
    const { loop, batch, clock } = openLoop({ leave });
    const { calls } = await batch('spring', ['a'], {
      work: (_job, call) => (call === 1 ? { kind: 'hold', of: 'all', waitMs: 20 } : done),
    });
    loop.start();
    await eventually(() => expect(asked).toBe(1));
    expect(calls).toHaveLength(1);
    clock.aheadMs += 1_000;
    await eventually(() => expect(calls).toHaveLength(2));
  });

  it('can be stopped while it holds, and leaves its jobs to others', async () => {
    const { loop, batch } = openLoop();
    const { calls, queues } = await batch('spring', ['a'], {
      work: () => ({ kind: 'hold', of: 'all', waitMs: longMs }),
    });
    loop.start();
    await eventually(() => expect(calls).toHaveLength(1));
    await loop.stop();
    await eventually(async () =>
      expect(await counts(queues, 'submit')).toEqual({ ...none, waiting: 1 }),
    );
  });
});

describe('what is in hand', () => {
  it('S1: the lock of a long job is renewed', async () => {
    const { loop, batch, clock } = openLoop();
    const { jobs, work } = underWay();
    const { queues, redis } = await batch('spring', ['a'], { work });
    loop.start();
    await eventually(() => expect(jobs).toHaveLength(1));
    const lock = `${queues.queue('submit').toKey(jobId('spring', 'a', 1))}:lock`;
    await redis.pexpire(lock, 600_000);
    clock.aheadMs += 3_000;
    await eventually(async () => {
      const leftMs = await redis.pttl(lock);
      expect(leftMs).toBeGreaterThan(0);
      expect(leftMs).toBeLessThanOrEqual(8_000);
    });
    jobs[0]?.end(done);
    await eventually(async () => expect(await counts(queues, 'submit')).toEqual(none));
  });

  it('S3: of a process that was killed is taken over by another that suspects it', async () => {
    const killed = openLoop();
    const { jobs, work } = underWay();
    const gone = await killed.batch('spring', ['a'], { work });
    killed.loop.start();
    await eventually(() => expect(jobs).toHaveLength(1));
    gone.feed.abandon();
    await killed.loop.stop();
    const { loop } = openLoop();
    const opened = openQueues({ batch: 'spring', prefix: killed.prefix });
    const { feed, calls } = openFeed(opened.queues, { work: () => done });
    loop.add(feed);
    loop.start();
    feed.suspect();
    await eventually(() => expect(calls).toEqual([{ briefId: 'a', attempt: 1 }]));
    await eventually(async () => expect(await counts(opened.queues, 'submit')).toEqual(none));
  });
});
