import { describe, expect, it } from 'vitest';
import { checkCron, countTicks, nextTick } from '../../src/schedule/cron.js';

const zone = 'Europe/Berlin';
const at = (text: string) => Date.parse(text);

/** Every tick in a span, as BullMQ finds them: each from the one before. */
function ticks(cron: string, from: string, to: string): string[] {
  const found: string[] = [];
  for (let ms = nextTick({ cron, zone }, at(from)); ms <= at(to); ms = nextTick({ cron, zone }, ms))
    found.push(new Date(ms).toISOString().slice(0, 16));
  return found;
}

describe('02:30 in Berlin', () => {
  const cron = '30 2 * * *';

  it('comes due once on the night in which the clocks skip it: at three, as soon as they have', () => {
    expect(ticks(cron, '2026-03-28T00:00Z', '2026-03-30T12:00Z')).toEqual([
      '2026-03-28T01:30',
      '2026-03-29T01:00',
      '2026-03-30T00:30',
    ]);
  });

  it('comes due once on the night in which the clocks show it twice: the first time', () => {
    expect(ticks(cron, '2026-10-24T00:00Z', '2026-10-26T12:00Z')).toEqual([
      '2026-10-24T00:30',
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ]);
  });

  it.each([
    ['2026-03-28T12:00Z', '2026-03-29T12:00Z', '2026-03-29T01:00Z', '2026-03-30T00:30Z'],
    ['2026-10-24T12:00Z', '2026-10-25T12:00Z', '2026-10-25T00:30Z', '2026-10-26T01:30Z'],
  ])('is the same whenever it is asked: %s', (from, to, tick, after) => {
    for (let ms = at(from); ms < at(to); ms += 300_000) {
      expect(nextTick({ cron, zone }, ms)).toBe(at(ms < at(tick) ? tick : after));
      expect(nextTick({ cron, zone }, ms + 40)).toBe(at(ms < at(tick) ? tick : after));
    }
  });
});

describe('every hour in Berlin', () => {
  it('keeps its distance over both change days', () => {
    for (const day of ['2026-03-29', '2026-10-25']) {
      const found = ticks('30 * * * *', `${day}T00:00Z`, `${day}T05:00Z`);
      expect(found).toEqual([0, 1, 2, 3, 4].map((hour) => `${day}T0${hour}:30`));
    }
  });
});

describe('ticks that were missed', () => {
  it('are counted after the first, to the moment', () => {
    const nightly = { cron: '0 2 * * *', zone };
    const first = at('2026-10-23T00:00Z');
    expect(countTicks(nightly, first, at('2026-10-23T10:00Z'))).toBe(0);
    expect(countTicks(nightly, first, at('2026-10-26T10:00Z'))).toBe(3);
  });

  it('stop being counted at a thousand', () => {
    expect(countTicks({ cron: '* * * * * *', zone }, 0, 86_400_000)).toBe(1_000);
  });
});

describe('a pattern that cannot be used is refused', () => {
  const check = (cron: string, where = zone) => checkCron({ cron, zone: where }, 0);

  it.each(['0 2 * *', 'at two', '61 2 * * *', '0 2 * * * * *', '', 'H 2 * * *', '0 0 31 2 *'])(
    '%s',
    (cron) => {
      expect(() => check(cron)).toThrow(/not a cron pattern/);
    },
  );

  it('and a zone that is none', () => {
    expect(() => check('0 2 * * *', 'Europe/Berlni')).toThrow(/no time zone "Europe\/Berlni"/);
  });

  it.each(['0 2 * * *', '*/5 * * * * *', '@daily', '0 2 * * MON-FRI', '0 6 1 1,7 *'])(
    'but not %s',
    (cron) => {
      expect(() => check(cron)).not.toThrow();
    },
  );
});
