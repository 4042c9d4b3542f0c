import type { Finding } from './finding.js';

const leastNode = [20, 19] as const;

/** @param version such as `20.19.0` */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const fits = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
  return {
    subject: 'Node.js',
    level: fits ? 'ok' : 'error',
    text: fits ? version : `${version}: install 20.19 or later`,
  };
}

/** Schedules need the zones' data: a Node that was built without it takes every zone for UTC, or knows none. */
export function checkTimeZones(): Finding {
  const subject = 'Time zones';
  try {
    const [winter, summer] = ['2026-01-15T12:00Z', '2026-07-15T12:00Z'].map(hourInBerlin);
    if (winter === '13' && summer === '14') {
      return { subject, level: 'ok', text: `data of ${process.versions.tz ?? 'this system'}` };
    }
  } catch {
    // Said below: this Node does not know the zone.
  }
  const text =
    'Node.js has no data of time zones, so schedules would run at wrong hours: install a Node.js with full ICU';
  return { subject, level: 'error', text };
}

function hourInBerlin(time: string): string {
  const format = { timeZone: 'Europe/Berlin', hour: '2-digit', hourCycle: 'h23' } as const;
  return new Intl.DateTimeFormat('en', format).format(new Date(time));
}
