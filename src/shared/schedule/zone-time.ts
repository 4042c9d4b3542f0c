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
export function momentOnDate(shownMs: number, zone: string): number | null {
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
export function endOfOffset(
  offsetMs: number,
  fromMs: number,
  toMs: number,
  zone: string,
): number | null {
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
