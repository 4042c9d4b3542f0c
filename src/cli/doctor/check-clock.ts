import type { Finding } from './finding.js';

/** Delays are told by the machine that sets them and kept by the one that works on them. */
const noticeableMs = 5_000;

/** @param aheadMs this machine's clock, compared with the other one */
export function checkClock(other: string, aheadMs: number): Finding {
  const subject = 'Clock';
  const seconds = Math.abs(aheadMs / 1000);
  if (Math.abs(aheadMs) <= noticeableMs) {
    return { subject, level: 'ok', text: `agrees with ${other}` };
  }
  const way = aheadMs > 0 ? 'ahead of' : 'behind';
  const text = `this machine is ${seconds.toFixed(0)} s ${way} ${other}: let both keep time by NTP`;
  return { subject, level: 'warning', text };
}
