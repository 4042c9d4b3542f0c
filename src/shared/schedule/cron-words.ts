import cronstrue from 'cronstrue';
import type { CronTimes } from './cron.js';

const timesOfDay = /^At \d\d:\d\d[\d:, and]*$/;

/** When a schedule runs, for people: `At 02:00, every day, in Europe/Berlin (0 2 * * *)`. */
export function whenWords({ cron, zone }: CronTimes): string {
  const words = patternWords(cron);
  return words === null ? `${cron} in ${zone}` : `${words}, in ${zone} (${cron})`;
}

/** Null where the pattern is one that comes due and that there are no words for. */
function patternWords(cron: string): string | null {
  try {
    const words = cronstrue.toString(cron, { use24HourTimeFormat: true });
    return timesOfDay.test(words) ? `${words}, every day` : words;
  } catch {
    return null;
  }
}
