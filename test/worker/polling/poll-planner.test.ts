import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketOf, DurationLedger, type DurationSketch } from '../../../src/ledger/durations.js';
import { endless } from '../../../src/worker/polling/policy.js';
import { PollPlanner, type RunningTask } from '../../../src/worker/polling/poll-planner.js';
import { connect, openLedger } from '../../support/ledger.js';
import { log } from '../stages/stage-bench.js';
import { anySketch, logNormal, sketchOf } from './sketches.js';

const kind = 'fox 0123456789';
const base: RunningTask = {
  kind,
  category: 'image',
  ageMs: 0,
  checks: 0,
  pressure: 'none',
  ahead: endless,
};
const exactly = (durationMs: number) => ({ fromMs: durationMs, toMs: durationMs });

class SetClock {
  nowMs = 0;
  readonly now = () => this.nowMs;
}

/** Machines of one account, each with a planner of its own, on one Redis and a clock that is set. */
async function openPlanners(random = 0.5) {
  const { redis, account } = await openLedger();
  const clock = new SetClock();
  const open = (connection = redis) => {
    const durations = new DurationLedger(connection, account.keys);
    return new PollPlanner({ durations, clock, log, random: () => random });
  };
  const durations = new DurationLedger(redis, account.keys);
  const feed = (names: string[], history: number[]) =>
    Promise.all(history.map((durationMs) => durations.note(names, durationMs)));
  return { planner: open(), open, clock, feed, durations };
}

/** A planner whose history is this sketch; Redis has no part in it. */
function plannerOf(sketch: DurationSketch, random: number): PollPlanner {
  const durations = { read: async () => sketch, note: async () => undefined };
  return new PollPlanner({
    durations: durations as unknown as DurationLedger,
    clock: new SetClock(),
    log,
    random: () => random,
  });
}

const anyMs = fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(3_600_000));
const anyTask: fc.Arbitrary<RunningTask> = fc.record({
  kind: fc.constantFrom(kind, 'fox', null),
  category: fc.constantFrom('image', 'audio', 'video'),
  ageMs: fc.nat(4 * 3_600_000),
  checks: fc.nat(30),
  pressure: fc.constantFrom('rate', 'in_flight', 'none'),
  ahead: fc.record({ leftMs: anyMs, placedMs: anyMs }),
});
const anyRandom = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

describe('the rule', () => {
  it('is kept whatever the history: 2 s after acceptance, then 5 s apart', async () => {
    await fc.assert(
      fc.asyncProperty(anySketch, anyTask, anyRandom, async (sketch, task, random) => {
        const waitMs = await plannerOf(sketch, random).nextCheckInMs(task);
        const leastMs = task.checks === 0 ? 2_000 - task.ageMs : 5_000;
        expect(Number.isInteger(waitMs)).toBe(true);
        expect(waitMs).toBeGreaterThanOrEqual(Math.max(0, leastMs));
        // And it is asked for again before long, by the standards of its history.
        expect(waitMs).toBeLessThan(8 * 3_600_000);
      }),
    );
  });

  it('leaves the same task the same wait, each time', async () => {
    await fc.assert(
      fc.asyncProperty(anySketch, anyTask, async (sketch, task) => {
        const once = await plannerOf(sketch, 0.3).nextCheckInMs(task);
        expect(await plannerOf(sketch, 0.3).nextCheckInMs(task)).toBe(once);
      }),
      { numRuns: 30 },
    );
  });
});

describe('what a plan is made from', () => {
  it('is the kind; with fewer than ten of it the model; with fewer of that the documented guidance', async () => {
    const { planner, feed, clock, durations } = await openPlanners();
    const look = async (task: Partial<RunningTask> = {}) => {
      // What is asked after a while is read meanwhile: the second answer is the new one.
      clock.nowMs += 6_000;
      await planner.nextCheckInMs({ ...base, ...task });
      await durations.read(kind);
      return planner.nextCheckInMs({ ...base, ...task });
    };
    expect(await look()).toBe(2_500);
    await feed(['fox'], logNormal(60_000, 0.1, 10));
    await expect.poll(() => look()).toBeGreaterThan(30_000);
    await feed([kind], logNormal(12_000, 0.1, 9));
    expect(await look()).toBeGreaterThan(30_000);
    await feed([kind], [12_000]);
    await expect.poll(() => look()).toBeLessThan(20_000);
    expect(await look()).toBeGreaterThan(5_000);
    expect(await look({ kind: 'fox 9876543210' })).toBeGreaterThan(30_000);
    expect(await look({ kind: 'bear' })).toBe(2_500);
    expect(await look({ kind: null })).toBe(2_500);
  });

  it('is what all machines have learned', async () => {
    const { open, durations, clock } = await openPlanners();
    const machines = [open(), open(connect())];
    for (const [index, durationMs] of logNormal(40_000, 0.1, 40).entries()) {
      machines[index % 2]?.learn(kind, exactly(durationMs));
    }
    await expect.poll(async () => (await durations.read(kind)).total).toBe(40);
    expect(await durations.read('fox')).toEqual(await durations.read(kind));
    clock.nowMs += 6_000;
    for (const machine of machines) {
      expect(await machine.nextCheckInMs(base)).toBeGreaterThan(30_000);
    }
  });

  it('is read once for some seconds, however many tasks are asked about', async () => {
    let reads = 0;
    const sketch = sketchOf(logNormal(12_000, 0.4));
    const durations = {
      read: async () => {
        reads += 1;
        return sketch;
      },
    } as unknown as DurationLedger;
    const clock = new SetClock();
    const planner = new PollPlanner({ durations, clock, log, random: () => 0.5 });
    await Promise.all(Array.from({ length: 100 }, () => planner.nextCheckInMs(base)));
    clock.nowMs = 4_000;
    await planner.nextCheckInMs(base);
    expect(reads).toBe(1);
    clock.nowMs = 6_000;
    await Promise.all(Array.from({ length: 100 }, () => planner.nextCheckInMs(base)));
    expect(reads).toBe(2);
  });

  it('is read again sooner while it says too little', async () => {
    let reads = 0;
    const durations = {
      read: async () => {
        reads += 1;
        return sketchOf(logNormal(12_000, 0.4, 9));
      },
    } as unknown as DurationLedger;
    const clock = new SetClock();
    const planner = new PollPlanner({ durations, clock, log, random: () => 0.5 });
    for (const nowMs of [0, 900, 1_000, 1_900, 2_000]) {
      clock.nowMs = nowMs;
      await planner.nextCheckInMs({ ...base, kind: 'fox' });
    }
    expect(reads).toBe(3);
  });

  it('is the documented guidance where Redis does not answer, and a duration lost harms nobody', async () => {
    const durations = {
      read: () => Promise.reject(new Error('gone')),
      note: () => Promise.reject(new Error('gone')),
    } as unknown as DurationLedger;
    const planner = new PollPlanner({ durations, clock: new SetClock(), log, random: () => 0.5 });
    planner.learn(kind, exactly(12_000));
    expect(await planner.nextCheckInMs(base)).toBe(2_500);
    expect(await planner.nextCheckInMs({ ...base, checks: 1, ageMs: 2_500 })).toBe(5_500);
  });
});

describe('while requests are scarce', () => {
  const history = sketchOf(logNormal(3_000, 0.4));
  const scarce = { ...base, pressure: 'rate' } as const;
  const waitOf = (task: Partial<RunningTask>, sketch = history) =>
    plannerOf(sketch, 0.5).nextCheckInMs({ ...scarce, ...task });
  const nothing = sketchOf([]);

  it('a task is looked at as planned as long as more is left than its plan is long', async () => {
    const planned = await waitOf({});
    expect(planned).toBeGreaterThan(5_000);
    expect(await waitOf({ ahead: { ...endless, leftMs: 60_000 } })).toBe(planned);
    expect(await waitOf({ ahead: { ...endless, placedMs: 60_000 } })).toBe(planned);
  });

  it('near the end it is looked at after all that is left, later than planned', async () => {
    const planned = await waitOf({});
    for (const leftMs of [planned + 1_000, 9_000, 11_000]) {
      const waitMs = await waitOf({ ahead: { ...endless, leftMs } });
      // On a grid of a quarter of a second where its history has a word to say.
      expect(waitMs).toBeGreaterThanOrEqual(leftMs);
      expect(waitMs).toBeLessThan(leftMs + 250);
    }
  });

  it('the last ones are looked at as if requests were free', async () => {
    const ahead = { ...endless, leftMs: 100 };
    expect(await waitOf({ ahead })).toBe(await waitOf({ pressure: 'none' }));
    const missed = { ageMs: 4_000, checks: 1 };
    expect(await waitOf({ ...missed, ahead })).toBe(await waitOf({ ...missed, pressure: 'none' }));
  });

  it('it is looked at before its place is wanted, and never later for that', async () => {
    const planned = await waitOf({});
    const waits = await Promise.all(
      [1_000, 4_500, 5_500, 30_000].map((placedMs) => waitOf({ ahead: { ...endless, placedMs } })),
    );
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits[1]).toBeLessThanOrEqual(4_500);
    expect(waits.at(-1)).toBe(planned);
  });

  it('of other pressures it says nothing', async () => {
    const ahead = { leftMs: 6_000, placedMs: 6_000 };
    for (const pressure of ['none', 'in_flight'] as const) {
      expect(await waitOf({ pressure, ahead })).toBe(await waitOf({ pressure }));
    }
  });

  it('without a history, the guidance is followed with patience, but not past the last submission or place', async () => {
    expect(await waitOf({}, nothing)).toBe(7_500);
    expect(await waitOf({ ahead: { ...endless, leftMs: 12_000 } }, nothing)).toBe(12_000);
    expect(await waitOf({ ahead: { ...endless, leftMs: 100 } }, nothing)).toBe(2_500);
    expect(await waitOf({ ahead: { leftMs: 12_000, placedMs: 4_000 } }, nothing)).toBe(4_000);
    expect(await waitOf({ ahead: { ...endless, leftMs: 60_000 } }, nothing)).toBe(7_500);
  });
});

describe('a task older than all history', () => {
  it.each([
    ['image', 30_000],
    ['audio', 30_000],
    ['video', 60_000],
  ] as const)(
    'S3: of category %s is still asked for, wider and wider up to %i ms',
    async (category, widest) => {
      const planner = plannerOf(sketchOf(logNormal(12_000, 0.1)), 0);
      const waits: number[] = [];
      let ageMs = 20_000;
      while (ageMs < 900_000) {
        const waitMs = await planner.nextCheckInMs({ ...base, category, ageMs, checks: 3 });
        waits.push(waitMs);
        ageMs += waitMs;
      }
      expect(waits).toEqual(waits.toSorted((a, b) => a - b));
      expect(waits[0]).toBe(5_000);
      expect(waits.at(-1)).toBe(widest);
    },
  );
});

describe('a task that nobody saw end', () => {
  it('is learned as one of its kind, once its kind is known, and else as the middle of the time unseen', async () => {
    const { planner, feed, durations } = await openPlanners();
    const countAt = async (durationMs: number) => {
      const { tasks } = await durations.read(kind);
      const bucket = bucketOf(durationMs);
      return tasks.slice(bucket - 1, bucket + 2).reduce((sum, count) => sum + count, 0);
    };
    await feed([kind], new Array(20).fill(14_000));
    planner.learn(kind, { fromMs: 0, toMs: 20_000 });
    await expect.poll(() => countAt(10_000)).toBe(1);
    await planner.nextCheckInMs(base);
    planner.learn(kind, { fromMs: 0, toMs: 20_000 });
    await expect.poll(() => countAt(14_000)).toBe(21);
  });
});

describe('while hints come', () => {
  const sketch = sketchOf(logNormal(90_000, 0.5));
  const video: RunningTask = { ...base, category: 'video', pressure: 'in_flight' };

  /** A planner of whose last tasks all were hinted at, and its clock. */
  function openHinted() {
    const clock = new SetClock();
    const durations = { read: async () => sketch, note: async () => undefined };
    const planner = new PollPlanner({
      durations: durations as unknown as DurationLedger,
      clock,
      log,
      random: () => 0.5,
    });
    for (let task = 0; task < 100; task += 1) planner.noteEnd('hint', 500);
    return { planner, clock };
  }

  /** The ages at which a task of so long a life is looked at, where no hint comes for it. */
  async function agesOfLooks(
    { planner, clock }: ReturnType<typeof openHinted>,
    lifeMs: number,
    keepsComing: boolean,
  ) {
    const ages: number[] = [];
    let task = video;
    clock.nowMs = await planner.nextCheckInMs(task);
    while (clock.nowMs < 600_000) {
      const ageMs = clock.nowMs;
      if (keepsComing) planner.noteEnd('hint', 500);
      const leftMs = await planner.putOffMs(task, ageMs);
      if (leftMs > 0) {
        expect(leftMs).toBeLessThanOrEqual(25_000);
        clock.nowMs += leftMs;
        continue;
      }
      ages.push(ageMs);
      if (ageMs >= lifeMs) break;
      task = { ...task, ageMs, checks: task.checks + 1 };
      clock.nowMs += await planner.nextCheckInMs(task);
    }
    return ages;
  }

  it('a task is looked at three times at most in place of many, and asked after every 25 s whether it is', async () => {
    const ages = await agesOfLooks(openHinted(), 200_000, true);
    expect(ages.length).toBeLessThanOrEqual(3);
    const without = await agesOfLooks(
      { ...openHinted(), planner: plannerOf(sketch, 0.5) },
      200_000,
      false,
    );
    expect(without.length).toBeGreaterThan(8);
  });

  it('and they stop, each task is looked at within a minute, and then as without them', async () => {
    for (const lifeMs of [20_000, 60_000, 120_000]) {
      const ages = await agesOfLooks(openHinted(), lifeMs, false);
      // The last hint came at 0.
      expect(ages[0]).toBeLessThan(60_000);
      expect(ages.at(-1)).toBeLessThan(Math.max(60_000, lifeMs + 20_000));
    }
  });

  it('a check is put off for nobody where none came, whatever the history', async () => {
    const planner = plannerOf(sketch, 0.5);
    expect(await planner.putOffMs(video, 30_000)).toBe(0);
    planner.noteEnd('check', null);
    expect(await planner.putOffMs(video, 30_000)).toBe(0);
    expect(await openHinted().planner.putOffMs({ ...video, kind: null }, 30_000)).toBe(0);
    expect(await openHinted().planner.putOffMs(video, 30_000)).toBeGreaterThan(0);
  });
});
