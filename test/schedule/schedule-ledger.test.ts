import { describe, expect, it } from 'vitest';
import { tickSettings } from '../../src/schedule/queue.js';
import type { ScheduleRun } from '../../src/schedule/schedule.js';
import { openScheduleBench, tickMs } from './runs/schedule-bench.js';

function runNumber(number: number): ScheduleRun {
  return {
    stage: 'refused',
    id: String(number),
    trigger: 'tick',
    scheduledMs: number,
    missed: 0,
    told: null,
    batch: `shots@${number}`,
    out: `/out/shots@${number}`,
    endedMs: number,
    exitCode: 2,
    message: 'bad',
  };
}

describe('schedules', () => {
  it('are kept once; the same again changes nothing, another of that name is refused', async () => {
    const { ledger, schedule } = await openScheduleBench();
    expect(await ledger.add(schedule, '')).toBe('same');
    expect(await ledger.add({ ...schedule, cron: '0 3 * * *' }, '')).toBe('exists');
    await ledger.setState(schedule, 'paused');
    expect(await ledger.find('shots')).toEqual({ ...schedule, state: 'paused' });
    expect(await ledger.all()).toHaveLength(1);
  });

  it('keep their webhook in one place, which goes with them (S8)', async () => {
    const { ledger, queue, schedule, connection, prefix } = await openScheduleBench();
    await ledger.remove('shots');
    await ledger.add(schedule, 'https://hooks.test/T0/secret-token');
    await queue.start(schedule);
    const holding = async () => {
      const found: string[] = [];
      for (const key of await connection.keys(`${prefix}:*`)) {
        const text = JSON.stringify(await connection.dumpBuffer(key).then(String));
        if (text.includes('secret-token')) found.push(key);
      }
      return found;
    };
    expect(await holding()).toEqual([ledger.keys.webhooks]);
    await ledger.remove('shots');
    await queue.stop('shots');
    expect(await holding()).toEqual([]);
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

  it('keep what their webhook was told, whatever else changes meanwhile', async () => {
    const { ledger, connection } = await openScheduleBench();
    await ledger.claim('shots', runNumber(1), '0');
    const told = { kind: 'taken', event: 'refused', atMs: 5 } as const;
    const changes = [1, 2, 3].map(async (tries) => {
      const read = await ledger.readRun('shots', '1');
      if (read) await ledger.save('shots', read, { ...read.run, missed: tries });
    });
    await Promise.all([...changes, ledger.noteTold('shots', '1', told)]);
    expect((await ledger.readRun('shots', '1'))?.run).toMatchObject({ told, missed: 1 });
    await ledger.noteTold('shots', '2', told);
    expect(await ledger.readRun('shots', '2')).toBeNull();
    // As versions wrote it that did not keep it.
    const { told: _told, ...before } = runNumber(3);
    await connection.hset(`${ledger.keys.runs}shots`, '3', JSON.stringify(before));
    expect((await ledger.readRun('shots', '3'))?.run).toEqual(runNumber(3));
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

  it('reckons with our ticks, not with those of BullMQ, when the clocks change', () => {
    const repeat = { pattern: '30 2 * * *', tz: 'Europe/Berlin' };
    const asked = Date.parse('2026-10-25T01:10Z');
    expect(tickSettings.repeatStrategy?.(asked, repeat)).toBe(Date.parse('2026-10-26T01:30Z'));
  });

  it('takes a run and a notice once', async () => {
    const { queue, jobs } = await openScheduleBench();
    const run = { schedule: 'shots', id: '1', scheduledMs: tickMs, trigger: 'tick' } as const;
    const told = { text: 't', event: 'refused', schedule: 'shots', run: '1', batch: null };
    const notice = { ...told, out: null, scheduled: '', exit_code: 2, counts: null };
    for (let times = 0; times < 2; times += 1) {
      await queue.addRun({ v: 1, kind: 'run', ...run });
      await queue.addMessage('shots', notice);
    }
    expect(await jobs.getWaitingCount()).toBe(2);
  });
});
