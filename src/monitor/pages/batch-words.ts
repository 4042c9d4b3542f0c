import { creditsNumber, formatTimeLeft } from '../../shared/quantities.js';
import type { WatchedBatch } from '../reading/watch.js';

/** `36 + 5 reserved of 100` */
export function creditsWords({ meta }: WatchedBatch): string {
  const reserved = meta.reserved > 0 ? ` + ${creditsNumber(meta.reserved)} reserved` : '';
  const cap = meta.maxCredits === null ? '' : ` of ${creditsNumber(meta.maxCredits)}`;
  return `${creditsNumber(meta.spent)}${reserved}${cap}`;
}

export function timeLeftWords({ meta, look }: WatchedBatch): string {
  if (meta.pending === 0) return '';
  return look.left.kind === 'unknown' ? 'not known yet' : formatTimeLeft(look.left);
}

/** Finished briefs, lately. */
export function paceOfBatchWords({ meta, look }: WatchedBatch): string {
  if (meta.pending === 0) return '';
  const { linesPerSecond } = look;
  if (linesPerSecond === null) return 'too few to say';
  if (linesPerSecond === 0) return '0 briefs/min';
  return linesPerSecond >= 1
    ? `${linesPerSecond.toFixed(1)} briefs/s`
    : `${(linesPerSecond * 60).toFixed(1)} briefs/min`;
}
