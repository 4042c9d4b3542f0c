import { describe, expect, it } from 'vitest';
import { nextTick, zoneTime } from '../../src/schedule/cron.js';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const at = (text: string) => Date.parse(text);

const [firstMs, lastMs] = [at('2026-01-01T12:00Z'), at('2028-01-01T12:00Z')];

/** As BullMQ finds them: each tick from the one before. */
function ticks(cron: string, zone: string, fromMs: number, toMs: number): number[] {
  const found: number[] = [];
  for (let ms = nextTick({ cron, zone }, fromMs); ms < toMs; ms = nextTick({ cron, zone }, ms))
    found.push(ms);
  return found;
}

function shownAt(zone: string, ms: number): string {
  const { date, time } = zoneTime(ms, zone);
  return `${date} ${time}`;
}

const offsetOf = (zone: string, ms: number) => zoneTime(ms, zone).offsetMs;

/** The dates that a zone's clocks show in a span, by a look at each half hour. */
function datesIn(zone: string, fromMs: number, toMs: number): string[] {
  const found = new Set<string>();
  for (let ms = fromMs; ms < toMs; ms += hourMs / 2) found.add(zoneTime(ms, zone).date);
  return [...found];
}

/** The first moments under another offset, in the two years. */
function changesOf(zone: string): number[] {
  const found: number[] = [];
  for (let ms = firstMs; ms < lastMs; ms += 14 * dayMs) {
    let [before, after] = [ms, ms + 14 * dayMs];
    const offsetMs = offsetOf(zone, before);
    if (offsetOf(zone, after) === offsetMs) continue;
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (offsetOf(zone, middle) === offsetMs) before = middle;
      else after = middle;
    }
    found.push(after);
  }
  return found;
}

/** Of zones whose clocks show the same all the time, one: half of the list are names for another's rules. */
function zonesOfTheWorld(): { zone: string; changes: number[] }[] {
  const found = new Map<string, { zone: string; changes: number[] }>();
  for (const zone of Intl.supportedValuesOf('timeZone')) {
    const changes = changesOf(zone);
    const offsets = [firstMs, ...changes].map((ms) => `${ms} ${offsetOf(zone, ms)}`);
    found.set(offsets.join(), { zone, changes });
  }
  return [...found.values()];
}

/** Minute and hour of patterns at, around and inside of what a change skips or shows twice. */
function timesNear(zone: string, changeMs: number): string[] {
  const edges = [changeMs - 1, changeMs].map((ms) => changeMs + offsetOf(zone, ms));
  const middle = ((edges[0] ?? 0) + (edges[1] ?? 0)) / 2;
  const around = [-hourMs, -minuteMs, 0, minuteMs, hourMs].flatMap((awayMs) =>
    edges.map((edge) => edge + awayMs),
  );
  const times = [...around, middle].map((ms) => {
    const shown = new Date(ms);
    return `${shown.getUTCMinutes()} ${shown.getUTCHours()}`;
  });
  return [...new Set(times)];
}

const strange = [
  ['0 0 * * *', 'Africa/Cairo'],
  ['0 0 * * *', 'Asia/Beirut'],
  ['0 0 * * *', 'America/Havana'],
  ['0 0 * * *', 'America/Santiago'],
  ['0 0 * * *', 'Atlantic/Azores'],
  ['0 23 * * *', 'America/Nuuk'],
  ['0 2 * * *', 'Australia/Lord_Howe'],
  ['0 2 * * *', 'Antarctica/Troll'],
  ['45 2 * * *', 'Pacific/Chatham'],
] as const;

describe('a pattern of one time of day has exactly one tick on each date', () => {
  it.each(strange)('%s in %s, over two years, whenever it is asked', (cron, zone) => {
    const found = ticks(cron, zone, firstMs, lastMs);
    const dates = found.map((ms) => zoneTime(ms, zone).date);
    expect(new Set(dates).size).toBe(730);
    expect(dates).toHaveLength(730);
    for (const changeMs of changesOf(zone)) {
      for (let ms = changeMs - dayMs; ms < changeMs + dayMs; ms += 45 * minuteMs + 40) {
        expect(nextTick({ cron, zone }, ms)).toBe(found.find((tick) => tick > ms));
      }
    }
  });

  it('in every zone, at times before, at, inside and after each change of its clocks', () => {
    const faults: string[] = [];
    let tried = 0;
    for (const { zone, changes } of zonesOfTheWorld()) {
      // A plain day beside them.
      for (const changeMs of [...changes, at('2026-05-20T12:00Z')]) {
        const [fromMs, toMs] = [changeMs - 1.5 * dayMs, changeMs + 1.5 * dayMs];
        const whole = datesIn(zone, fromMs, toMs).slice(1, -1);
        for (const time of timesNear(zone, changeMs)) {
          const found = ticks(`${time} * * *`, zone, fromMs, toMs).map((ms) => shownAt(zone, ms));
          const dates = found
            .map((text) => text.slice(0, 10))
            .filter((date) => whole.includes(date));
          tried += 1;
          if (dates.join() !== whole.join()) faults.push(`${time} ${zone}: ${found.join(', ')}`);
        }
      }
    }
    expect(faults).toEqual([]);
    expect(tried).toBeGreaterThan(1_000);
  });

  it.each([
    ['what is skipped comes right after', '30 2 * * *', 'Europe/Berlin', '2026-03-29T01:00Z'],
    ['midnight that is skipped, too', '0 0 * * *', 'Africa/Cairo', '2026-04-23T22:00Z'],
    ['by half an hour, too', '15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T15:30Z'],
    ['and before, where the date is over', '30 23 * * *', 'America/Nuuk', '2026-03-29T00:59Z'],
    ['what is shown twice comes first', '30 2 * * *', 'Europe/Berlin', '2026-10-25T00:30Z'],
    ['at midnight, too', '0 0 * * *', 'America/Havana', '2026-11-01T04:00Z'],
  ])('%s: %s in %s', (_, cron, zone, expected) => {
    const tick = at(expected);
    expect(nextTick({ cron, zone }, tick - 12 * hourMs)).toBe(tick);
    expect(nextTick({ cron, zone }, tick)).toBeGreaterThan(tick + 22 * hourMs);
  });

  it('and none on a date that was left out', () => {
    const zone = 'Pacific/Apia';
    const found = ticks('0 2 * * *', zone, at('2011-12-28T12:00Z'), at('2012-01-01T00:00Z'));
    expect(found.map((ms) => shownAt(zone, ms))).toEqual([
      '2011-12-29 02:00:00',
      '2011-12-31 02:00:00',
      '2012-01-01 02:00:00',
    ]);
  });
});

describe('a pattern of several times of day', () => {
  const zone = 'Europe/Berlin';
  const shown = (cron: string, from: string, to: string) =>
    ticks(cron, zone, at(from), at(to)).map((ms) => shownAt(zone, ms).slice(11, 16));

  it('has each once, and one for all that are skipped', () => {
    expect(shown('*/15 1-3 * * *', '2026-03-28T23:59Z', '2026-03-29T12:00Z')).toEqual([
      '01:00',
      '01:15',
      '01:30',
      '01:45',
      '03:00',
      '03:15',
      '03:30',
      '03:45',
    ]);
    expect(shown('30 2,14 * * *', '2026-03-28T23:59Z', '2026-03-29T20:00Z')).toEqual([
      '03:00',
      '14:30',
    ]);
    expect(shown('*/30 2-3 * * *', '2026-10-24T22:00Z', '2026-10-25T12:00Z')).toEqual([
      '02:00',
      '02:30',
      '03:00',
      '03:30',
    ]);
  });

  it('goes by real hours in every zone, where it is for every hour', () => {
    for (const { zone: where, changes } of zonesOfTheWorld()) {
      for (const changeMs of changes) {
        const found = ticks('*/15 * * * *', where, changeMs - hourMs - 1, changeMs + hourMs);
        expect(found).toEqual(
          [-4, -3, -2, -1, 0, 1, 2, 3].map((n) => changeMs + n * 15 * minuteMs),
        );
      }
    }
  });
});
