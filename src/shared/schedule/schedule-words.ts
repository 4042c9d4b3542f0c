import { formatDuration } from '../quantities.js';
import { type Schedule, shownFile } from './schedule.js';
import type { ScheduleRun, Told } from './schedule-run.js';
import { lastTold, type ScheduleSight } from './schedule-sight.js';
import { zoneText } from './zone-time.js';

/** `2026-11-22 02:00 (+0100), in 5.3 h`; null where no run is to come. */
export function nextRunWords({ schedule, nextMs }: ScheduleSight, nowMs: number): string | null {
  if (nextMs === null) return null;
  const when = nextMs < nowMs ? 'as soon as a worker runs' : `in ${formatDuration(nextMs - nowMs)}`;
  return `${zoneText(nextMs, schedule.zone)}, ${when}`;
}

/** Its files, without what may be a secret in their URLs (S8). */
export function inputWords({ files }: Schedule): string {
  return files.map(shownFile).join(', ');
}

export function rulesWords({ overlap, missed, badRows, makes }: Schedule): string {
  const rules = `overlap: ${overlap}, missed: ${missed}, bad rows: ${badRows}`;
  return makes === 'only_changed' ? `${rules}, only what changed` : rules;
}

/** Whether there is a webhook, and whether it could be told the last time; null where there is none. */
export function webhookWords(sight: ScheduleSight): string | null {
  if (sight.webhook === 'none') return null;
  const untold = untoldWords(lastTold(sight));
  return `a webhook (not shown)${untold === null ? '' : `, which ${untold}`}`;
}

/** What went wrong when a webhook was told of a run; null where nothing did. */
export function toldTrouble(told: Told | null): string | null {
  const untold = untoldWords(told);
  return untold === null ? null : `the webhook ${untold}`;
}

function untoldWords(told: Told | null): string | null {
  if (told === null || told.kind === 'taken') return null;
  return told.triesLeft > 0
    ? `could not be told, and is tried again: ${told.reason}`
    : `could not be told: ${told.reason}`;
}

/** Ticks for which a run stands as well; '' where there are none. */
export function missedWords({ missed }: ScheduleRun): string {
  return missed > 0 ? ` (and ${missed} missed since)` : '';
}
