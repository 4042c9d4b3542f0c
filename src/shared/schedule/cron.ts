import { type CronExpression, CronExpressionParser } from 'cron-parser';
import { BatchError } from '../errors.js';
import { endOfOffset, momentOnDate, zoneTime } from './zone-time.js';

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
    const sentence = `There is no time zone ${JSON.stringify(times.zone)}: it is one such as Europe/Berlin or UTC.`;
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
  const reason = cause instanceof Error ? ` (${cause.message})` : '';
  return new BatchError(
    'usage',
    `${JSON.stringify(cron)} is no cron pattern that comes due${reason}: it has five fields, minute, hour, day, month and weekday, such as "0 2 * * *" for two at night.`,
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
