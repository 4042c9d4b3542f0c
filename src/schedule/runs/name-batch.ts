import {
  type CronTimes,
  isSecondShowing,
  nextTick,
  offsetText,
  startOfDate,
  zoneTime,
} from '../cron.js';

export interface RunMoment extends CronTimes {
  schedule: string;
  /** Ms since the epoch. */
  scheduledMs: number;
  /** `hand`: somebody asked for it at that moment. */
  trigger: 'tick' | 'hand';
}

/** What a name adds to that of its schedule is never longer. */
export const longestNameTail = '@2026-11-21T140005-123+0100'.length;

/**
 * Names for the batch of a run, the one to take first in front; all come from the scheduled time alone, so that the
 * repetition of a run finds them again (S1). The first tick of a date is `NAME@2026-11-21`, in the schedule's zone.
 */
export function batchNames(moment: RunMoment): string[] {
  const { schedule, scheduledMs, zone } = moment;
  const { date, time, offsetMs } = zoneTime(scheduledMs, zone);
  const offset = isSecondShowing(scheduledMs, zone) ? offsetText(offsetMs) : '';
  const [hours, minutes, seconds] = time.split(':');
  const milliseconds = String(scheduledMs % 1_000).padStart(3, '0');
  const plain = `${schedule}@${date}`;
  const names = [
    `${plain}T${hours}${minutes}${offset}`,
    `${plain}T${hours}${minutes}${seconds}${offset}`,
    `${plain}T${hours}${minutes}${seconds}-${milliseconds}${offset}`,
  ];
  if (isFirstOfDate(moment)) return [plain, ...names];
  // Ticks of one minute differ in their seconds; somebody who asks by hand seldom asks twice in one.
  return moment.trigger === 'hand' || seconds === '00' ? names : names.slice(1);
}

const nameTail = /^@\d{4}-\d\d-\d\d(?:T\d{4}(?:\d\d(?:-\d{3})?)?(?:[+-]\d{4})?)?$/;

/** Whether a batch has a name such as the runs of a schedule give to theirs. */
export function isNameOfRun(schedule: string, batch: string): boolean {
  return batch.startsWith(`${schedule}@`) && nameTail.test(batch.slice(schedule.length));
}

function isFirstOfDate(moment: RunMoment): boolean {
  const { trigger, scheduledMs, zone } = moment;
  if (trigger === 'hand') return false;
  return nextTick(moment, startOfDate(scheduledMs, zone) - 1) >= scheduledMs;
}
