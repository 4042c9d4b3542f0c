import { describe, expect, it } from 'vitest';
import { tickSettings } from '../../src/schedule/queue.js';
import type { ScheduleRun } from '../../src/schedule/schedule.js';
import { webhookTo } from '../support/schedules.js';
import { openScheduleBench, tickMs } from './runs/schedule-bench.js';

function runNumber(number: number): ScheduleRun {
  return {
    stage: 'refused',
    id: String(number),
    trigger: 'tick',
    scheduledMs: number,
    missed: 0,
    batch: `shots@${number}`,
    out: `/out/shots@${number}`,
    endedMs: number,
    exitCode: 2,
    message: 'bad',
    putAwayMs: null,
  };
}

describe('schedules', () => {
  it('are kept once; the same again changes nothing, another of that name is refused', async () => {
    const { ledger, schedule } = await openScheduleBench();
    expect(await ledger.add(schedule, 'none')).toBe('same');
    expect(await ledger.add({ ...schedule, cron: '0 3 * * *' }, 'none')).toBe('exists');
    await ledger.change('shots', (found) => ({ ...found, state: 'paused' }));
    expect(await ledger.find('shots')).toEqual({ ...schedule, state: 'paused' });
    expect(await ledger.all()).toHaveLength(1);
  });

  it('are changed by several at once, and no change is lost', async () => {
    const { ledger } = await openScheduleBench();
    await Promise.all(
      Array.from({ length: 5 }, () =>
        ledger.change('shots', (found) => ({ ...found, priority: found.priority + 1 })),
      ),
    );
    expect(await ledger.find('shots')).toMatchObject({ priority: 5 });
    expect(await ledger.change('none', (found) => found)).toBeNull();
    expect(await ledger.all()).toHaveLength(1);
  });

  it('keep their webhook in one place, which goes with them (S8)', async () => {
    const { ledger, queue, schedule, connection, prefix, account } = await openScheduleBench();
    await ledger.remove('shots');
    await ledger.add(schedule, webhookTo('https://hooks.test/T0/secret-token'));
    await queue.start(schedule);
    const holding = async () => {
      const found: string[] = [];
      for (const key of await connection.keys(`${prefix}:*`)) {
        const text = JSON.stringify(await connection.dumpBuffer(key).then(String));
        if (text.includes('secret-token')) found.push(key);
      }
      return found;
    };
    expect(await holding()).toEqual([account.keys.webhooks]);
    await ledger.remove('shots');
    await queue.stop('shots');
    expect(await holding()).toEqual([]);
  });
});

describe('a webhook that an earlier version was given', () => {
  it('is taken over, wherever it leads, for what it was told of: what does not go well', async () => {
    const { ledger, connection } = await openScheduleBench();
    const url = 'http://10.0.0.1/hook';
    await connection.hset(ledger.keys.earlierWebhooks, 'shots', url);
    await ledger.takeOverWebhooks();
    await ledger.takeOverWebhooks();
    expect(await ledger.webhook('shots')).toEqual({
      ...webhookTo(url),
      on: ['failed', 'waiting'],
    });
    expect(await connection.exists(ledger.keys.earlierWebhooks)).toBe(0);
  });
});

describe('runs', () => {
  it('are claimed once, each with a batch of its own', async () => {
    const { ledger } = await openScheduleBench();
    expect(await ledger.claim('shots', runNumber(1), '0')).toBe('claimed');
    expect(await ledger.claim('shots', runNumber(1), '1')).toBe('there');
    expect(await ledger.claim('shots', runNumber(2), '0')).toBe('changed');
    const namesake = { ...runNumber(2), batch: 'shots@1' } as ScheduleRun;
    expect(await ledger.claim('shots', namesake, '1')).toBe('name_taken');
    expect(await ledger.claim('other', runNumber(2), '1')).toBe('gone');
  });

  it('change only from what was read: a worker that wakes late changes nothing', async () => {
    const { ledger } = await openScheduleBench();
    await ledger.claim('shots', runNumber(1), '0');
    const read = await ledger.readRun('shots', '1');
    if (!read) throw new Error('it is there');
    const later = { ...runNumber(1), message: 'worse' } as ScheduleRun;
    expect(await ledger.save('shots', read, later)).toBe('saved');
    expect(await ledger.save('shots', read, runNumber(1))).toBe('was_changed');
    await ledger.remove('shots');
    expect(await ledger.save('shots', read, later)).toBe('was_changed');
    expect((await ledger.runs('shots')).runs).toEqual([]);
  });

  it('are kept a hundred long, in the order of their times', async () => {
    const { ledger, connection } = await openScheduleBench();
    for (let number = 120; number > 0; number -= 1) {
      await ledger.claim('shots', runNumber(number), String(120 - number));
    }
    await ledger.forgetOldRuns('shots');
    const { runs } = await ledger.runs('shots');
    expect(runs.map(({ run }) => run.scheduledMs)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 21),
    );
    expect(await connection.hlen(`${ledger.keys.names}shots`)).toBe(101);
  });
});

describe('the queue of schedules', () => {
  it("has the next tick in the schedule's zone, and none when stopped", async () => {
    const { queue, schedule } = await openScheduleBench();
    await queue.start(schedule);
    await queue.start(schedule);
    const next = (await queue.nextTick('shots')) ?? 0;
    const local = new Intl.DateTimeFormat('en', { timeZone: 'Europe/Berlin', timeStyle: 'short' });
    expect(local.format(next)).toMatch(/^2:00/);
    expect(next).toBeGreaterThan(Date.now());
    await queue.stop('shots');
    expect(await queue.nextTick('shots')).toBeNull();
  });

  it('goes by another pattern when started with it, and with the same one leaves an overdue tick', async () => {
    const { queue, schedule, jobs } = await openScheduleBench();
    await queue.start(schedule);
    const [tick] = await jobs.getDelayed();
    if (!tick?.id) throw new Error('a tick is to come');
    await tick.changeDelay(0);
    await queue.start(schedule);
    expect((await jobs.getDelayed()).map(({ id, delay }) => [id, delay])).toEqual([[tick.id, 0]]);
    await queue.start({ ...schedule, zone: 'Asia/Tokyo' });
    const ticks = await jobs.getDelayed();
    expect(ticks.map(({ opts }) => opts.prevMillis)).toEqual([await queue.nextTick('shots')]);
    const inTokyo = new Intl.DateTimeFormat('en', { timeZone: 'Asia/Tokyo', timeStyle: 'short' });
    expect(inTokyo.format((await queue.nextTick('shots')) ?? 0)).toMatch(/^2:00/);
  });

  it('reckons with our ticks, not with those of BullMQ, when the clocks change', () => {
    const repeat = { pattern: '30 2 * * *', tz: 'Europe/Berlin' };
    const asked = Date.parse('2026-10-25T01:10Z');
    expect(tickSettings.repeatStrategy?.(asked, repeat)).toBe(Date.parse('2026-10-26T01:30Z'));
  });

  it('takes a run once', async () => {
    const { queue, jobs } = await openScheduleBench();
    const run = { schedule: 'shots', id: '1', scheduledMs: tickMs, trigger: 'tick' } as const;
    for (let times = 0; times < 2; times += 1) await queue.addRun({ v: 1, kind: 'run', ...run });
    expect(await jobs.getWaitingCount()).toBe(1);
  });
});
