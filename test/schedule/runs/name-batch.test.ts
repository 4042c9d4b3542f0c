import { describe, expect, it } from 'vitest';
import { batchNames, longestNameTail } from '../../../src/schedule/runs/name-batch.js';
import { checkBatchName } from '../../../src/shared/batch-name.js';

function names(
  cron: string,
  at: string,
  trigger: 'tick' | 'hand' = 'tick',
  zone = 'Europe/Berlin',
) {
  return batchNames({ schedule: 'shots', cron, zone, scheduledMs: Date.parse(at), trigger });
}

describe('the batch of a run', () => {
  it("is named after the date in the schedule's zone, not in UTC", () => {
    expect(names('30 0 * * *', '2026-11-20T23:30Z')[0]).toBe('shots@2026-11-21');
    expect(names('30 23 * * *', '2026-11-21T04:30Z', 'tick', 'America/New_York')[0]).toBe(
      'shots@2026-11-20',
    );
  });

  it('has the time as well, where it is not the first of its date', () => {
    expect(names('0 0,14 * * *', '2026-11-20T23:00Z')[0]).toBe('shots@2026-11-21');
    expect(names('0 0,14 * * *', '2026-11-21T13:00Z')[0]).toBe('shots@2026-11-21T1400');
    expect(names('*/5 * * * * *', '2026-11-21T13:00:05Z')[0]).toBe('shots@2026-11-21T140005');
  });

  it('has the time, where it was asked for by hand: the plain name is for the tick to come', () => {
    expect(names('0 23 * * *', '2026-11-21T13:00:07.250Z', 'hand')).toEqual([
      'shots@2026-11-21T1400',
      'shots@2026-11-21T140007',
      'shots@2026-11-21T140007-250',
    ]);
  });

  it('on both change days is named after the date, at an hour that is skipped or shown twice', () => {
    expect(names('30 2 * * *', '2026-03-29T01:00Z')[0]).toBe('shots@2026-03-29');
    expect(names('30 2 * * *', '2026-10-25T00:30Z')[0]).toBe('shots@2026-10-25');
  });

  it('is told apart in the hour that is shown twice', () => {
    expect(names('30 * * * *', '2026-10-25T00:30Z')[0]).toBe('shots@2026-10-25T0230');
    expect(names('30 * * * *', '2026-10-25T01:30Z')[0]).toBe('shots@2026-10-25T0230+0100');
    expect(names('30 * * * *', '2026-10-25T02:30Z')[0]).toBe('shots@2026-10-25T0330');
  });

  it('has a name of its own at each quarter of an hour around both changes', () => {
    const taken: string[] = [];
    const begin = Date.parse('2026-03-27T00:00Z');
    for (const start of [begin, Date.parse('2026-10-23T00:00Z')]) {
      for (let ms = start; ms < start + 4 * 86_400_000; ms += 900_000) {
        const [name = ''] = names('*/15 * * * *', new Date(ms).toISOString());
        taken.push(name);
      }
    }
    expect(new Set(taken).size).toBe(taken.length);
  });

  it('is a name that a batch may have, however long', () => {
    for (const name of names('30 * * * *', '2026-10-25T01:30Z', 'hand')) {
      expect(checkBatchName(name).length).toBeLessThanOrEqual('shots'.length + longestNameTail);
    }
  });

  it('begins with the date where midnight is skipped', () => {
    // Beirut goes from 23:59 to 01:00.
    expect(names('30 1 * * *', '2026-03-28T22:30Z', 'tick', 'Asia/Beirut')[0]).toBe(
      'shots@2026-03-29',
    );
  });
});
