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
/** Clocks are put forward or back by two hours at most, and not twice within so long. */
export const aroundChangeMs = 3 * 3_600_000;

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
  let before = ms - dayMs - aroundChangeMs;
  let within = ms;
  while (within - before > 1) {
    const middle = Math.floor((before + within) / 2);
    if (zoneTime(middle, zone).date === date) within = middle;
    else before = middle;
  }
  return within;
}

/** Whether the clocks of the zone showed this very time before: in the hour after they were put back. */
export function isSecondShowing(ms: number, zone: string): boolean {
  const now = zoneTime(ms, zone);
  const putBackMs = zoneTime(ms - aroundChangeMs, zone).offsetMs - now.offsetMs;
  if (putBackMs <= 0) return false;
  const earlier = zoneTime(ms - putBackMs, zone);
  return earlier.date === now.date && earlier.time === now.time;
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
