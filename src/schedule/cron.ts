import { type CronExpression, CronExpressionParser } from 'cron-parser';
import { BatchError } from '../shared/errors.js';

/** When something is due: a cron pattern, read in a time zone of the IANA list. */
export interface CronTimes {
  cron: string;
  zone: string;
}

const mostCounted = 1_000;
const hoursOfDay = 24;
const fields = /^(@\w+|\S+(\s+\S+){4,5})$/;

/**
 * Reads a pattern of five fields (six with seconds in front) and a zone.
 * @throws BatchError `usage` where either is none, or the pattern never comes due
 */
export function checkCron(times: CronTimes, nowMs: number): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: times.zone });
  } catch (error) {
    const sentence = `There is no time zone ${JSON.stringify(times.zone)}: give one such as Europe/Berlin or UTC.`;
    throw new BatchError('usage', sentence, { cause: error });
  }
  // H stands for a random value, which would be another one at each tick.
  const usable = fields.test(times.cron.trim()) && !/(^|[\s,])H/.test(times.cron);
  try {
    if (usable) nextTick(times, nowMs);
  } catch (error) {
    throw unreadable(times, error);
  }
  if (!usable) throw unreadable(times);
}

function unreadable({ cron }: CronTimes, cause?: unknown): BatchError {
  return new BatchError(
    'usage',
    `${JSON.stringify(cron)} is not a cron pattern, or never due: give five fields, minute, hour, day, month and weekday, such as "0 2 * * *" for two at night.`,
    { cause },
  );
}

/** The first tick after a moment, in ms since the epoch; which ones there are is told at `ticksAfter`. */
export function nextTick(times: CronTimes, afterMs: number): number {
  return ticksAfter(times, afterMs).next().value;
}

/** Ticks after `fromMs` and not after `toMs`; counts to a thousand at most. */
export function countTicks(times: CronTimes, fromMs: number, toMs: number): number {
  let count = 0;
  for (const tick of ticksAfter(times, fromMs)) {
    if (tick > toMs || count === mostCounted) break;
    count += 1;
  }
  return count;
}

type Ticks = Generator<number, never>;

/**
 * Ticks after a moment, in their order. The parser reads the pattern as if the zone's clocks ran evenly, and the times
 * that it names are then looked up in the zone: its own reckoning with zones loses and doubles ticks in the nights in
 * which clocks are changed.
 *
 * A pattern that leaves out an hour of the day comes due on each date at each time that it names, once: see
 * `momentOnDate` for times that are skipped or shown twice; those that are skipped together come due together. A pattern
 * for every hour goes by real hours: it comes due whenever the clocks show its minute, in an hour that they show twice
 * as well, and not in one that they skip.
 */
function ticksAfter({ cron, zone }: CronTimes, afterMs: number): Ticks {
  const pattern = CronExpressionParser.parse(cron, { tz: 'UTC' });
  const isHourly = pattern.fields.hour.values.length === hoursOfDay;
  return isHourly ? hourlyTicks(pattern, zone, afterMs) : datedTicks(pattern, zone, afterMs);
}

function* datedTicks(pattern: CronExpression, zone: string, afterMs: number): Ticks {
  let lastMs = afterMs;
  let shownMs = afterMs + zoneTime(afterMs, zone).offsetMs;
  for (;;) {
    shownMs = timeAfter(pattern, shownMs);
    const tick = momentOnDate(shownMs, zone);
    if (tick === null || tick <= lastMs) continue;
    yield tick;
    lastMs = tick;
  }
}

function* hourlyTicks(pattern: CronExpression, zone: string, afterMs: number): Ticks {
  let lastMs = afterMs;
  let { offsetMs } = zoneTime(afterMs, zone);
  for (;;) {
    const tick = timeAfter(pattern, lastMs + offsetMs) - offsetMs;
    const changeMs = endOfOffset(offsetMs, lastMs, tick, zone);
    if (changeMs === null) {
      yield tick;
      lastMs = tick;
    } else {
      // From there on the clocks show other times, the first of which may be one of the pattern's.
      lastMs = changeMs - 1;
      ({ offsetMs } = zoneTime(changeMs, zone));
    }
  }
}

/** The first time of a pattern after another, both as the clocks show them, in ms as if they showed UTC. */
function timeAfter(pattern: CronExpression, shownMs: number): number {
  pattern.reset(new Date(shownMs));
  return pattern.next().getTime();
}

/** A moment as the clocks of a zone show it. */
export interface ZoneTime {
  /** `2026-11-21` */
  date: string;
  /** `14:00:05` */
  time: string;
  /** Of the zone at that moment, east of Greenwich. */
  offsetMs: number;
}

const dayMs = 86_400_000;
const minuteMs = 60_000;

export function zoneTime(ms: number, zone: string): ZoneTime {
  const parts = formatterOf(zone).formatToParts(ms);
  const part = (type: Intl.DateTimeFormatPartTypes) =>
    parts.find((found) => found.type === type)?.value ?? '';
  const date = `${part('year')}-${part('month')}-${part('day')}`;
  const time = `${part('hour')}:${part('minute')}:${part('second')}`;
  const wholeSecond = Math.floor(ms / 1_000) * 1_000;
  return { date, time, offsetMs: Date.parse(`${date}T${time}Z`) - wholeSecond };
}

/** Making one takes a hundred times as long as using it. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known) return known;
  const formatter = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  formatters.set(zone, formatter);
  return formatter;
}

/** Where the zone's date of a moment began: not always at midnight, as some zones change their clocks there. */
export function startOfDate(ms: number, zone: string): number {
  const { date } = zoneTime(ms, zone);
  // Longer than any date lasts.
  const beforeMs = ms - 2 * dayMs;
  return firstMoment(beforeMs, ms, (moment) => zoneTime(moment, zone).date === date);
}

/**
 * When a time comes on its date: at the moment at which the zone's clocks show it, the first one where they show it twice.
 * Where they skip it, at the first moment after what is skipped; and where that is on the next date already (clocks put
 * forward at 23:00 to midnight), a minute before. Null on a date that the zone leaves out, as a change of sides at the
 * date line does.
 *
 * @param shownMs date and time on the clocks, in ms as if they showed UTC
 */
function momentOnDate(shownMs: number, zone: string): number | null {
  // No clock is a day from UTC, so that these lie on both sides of a change near by; the larger offset is shown earlier.
  const offsets = [-dayMs, dayMs].map((awayMs) => zoneTime(shownMs + awayMs, zone).offsetMs);
  const [later = 0, earlier = 0] = offsets.sort((a, b) => a - b);
  for (const offsetMs of [earlier, later]) {
    if (zoneTime(shownMs - offsetMs, zone).offsetMs === offsetMs) return shownMs - offsetMs;
  }
  const afterMs = firstMoment(
    shownMs - earlier,
    shownMs - later,
    (moment) => moment + zoneTime(moment, zone).offsetMs >= shownMs,
  );
  const date = new Date(shownMs).toISOString().slice(0, 10);
  const onDate = (moment: number) => zoneTime(moment, zone).date === date;
  return [afterMs, afterMs - minuteMs].find(onDate) ?? null;
}

/** Where between two moments a zone leaves the offset that it has at the first; null where it has it at the second too. */
function endOfOffset(offsetMs: number, fromMs: number, toMs: number, zone: string): number | null {
  const isOther = (moment: number) => zoneTime(moment, zone).offsetMs !== offsetMs;
  return isOther(toMs) ? firstMoment(fromMs, toMs, isOther) : null;
}

/** The first moment of which something holds that does not hold of `beforeMs`, and does of `untilMs`. */
function firstMoment(beforeMs: number, untilMs: number, holds: (ms: number) => boolean): number {
  let before = beforeMs;
  let until = untilMs;
  while (until - before > 1) {
    const middle = Math.floor((before + until) / 2);
    if (holds(middle)) until = middle;
    else before = middle;
  }
  return until;
}

/** Whether the clocks of the zone showed this very time before: after they were put back. */
export function isSecondShowing(ms: number, zone: string): boolean {
  const shownMs = ms + zoneTime(ms, zone).offsetMs;
  return momentOnDate(shownMs, zone) !== ms;
}

/** `+0100` */
export function offsetText(offsetMs: number): string {
  const minutes = Math.round(Math.abs(offsetMs) / 60_000);
  const digits = [Math.floor(minutes / 60), minutes % 60].map((n) => String(n).padStart(2, '0'));
  return `${offsetMs < 0 ? '-' : '+'}${digits.join('')}`;
}

/** For people: `2026-11-21 02:00 (+0100)`, with seconds where there are any. */
export function zoneText(ms: number, zone: string): string {
  const { date, time, offsetMs } = zoneTime(ms, zone);
  return `${date} ${time.replace(/:00$/, '')} (${offsetText(offsetMs)})`;
}
