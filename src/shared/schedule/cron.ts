import { CronExpressionParser } from 'cron-parser';
import { BatchError } from '../errors.js';
import { aroundChangeMs, zoneTime } from './zone-time.js';

/** When something is due: a cron pattern, read in a time zone of the IANA list. */
export interface CronTimes {
  cron: string;
  zone: string;
}

const mostCounted = 1_000;
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

/**
 * The first tick after a moment, in ms since the epoch. A time that the clocks skip comes due as much later as they were
 * put forward; one that they show twice comes due the first time only, unless the pattern asks for every hour.
 */
export function nextTick({ cron, zone }: CronTimes, afterMs: number): number {
  const startMs = isNearChange(afterMs, zone) ? afterMs - aroundChangeMs : afterMs;
  const times = CronExpressionParser.parse(cron, { tz: zone, currentDate: new Date(startMs) });
  let tick = times.next().getTime();
  while (tick <= afterMs) tick = times.next().getTime();
  return tick;
}

/** Asked within the hour that is skipped or shown twice, the parser loses a tick or finds it again: ask it from before. */
function isNearChange(ms: number, zone: string): boolean {
  const [before, after] = [ms - aroundChangeMs, ms + aroundChangeMs];
  return zoneTime(before, zone).offsetMs !== zoneTime(after, zone).offsetMs;
}

/** Ticks after `fromMs` and not after `toMs`; counts to a thousand at most. */
export function countTicks(times: CronTimes, fromMs: number, toMs: number): number {
  let count = 0;
  for (let at = nextTick(times, fromMs); at <= toMs && count < mostCounted; count += 1) {
    at = nextTick(times, at);
  }
  return count;
}
