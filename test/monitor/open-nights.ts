import type { ScheduleRun } from '../../src/schedule/schedule.js';
import { openLedger } from '../support/ledger.js';
import { openSchedules, webhookTo } from '../support/schedules.js';
import { openMonitor } from './open-monitor.js';

export const tickMs = Date.parse('2026-11-21T01:00:00Z');
const dayMs = 86_400_000;
export const hook = webhookTo('https://hooks.test/T0/very-secret-hook?and=more');
const none = { failed: 0, unknown: 0, cancelled: 0, rejected: 0, taken_over: 0 };

function night(number: number) {
  const scheduledMs = tickMs + number * dayMs;
  const run = { id: String(scheduledMs), trigger: 'tick', scheduledMs, missed: 0 };
  const batch = `nightly@2026-11-${21 + number}`;
  const placed = { ...run, trigger: 'tick', batch, out: `/srv/out/${batch}` } as const;
  return { ...placed, sinceMs: scheduledMs, endedMs: scheduledMs + 60_000 };
}

export function skippedOn(number: number, reason: 'overlap' | 'missed'): ScheduleRun {
  const { batch: _batch, out: _out, sinceMs: _sinceMs, ...run } = night(number);
  const behind = reason === 'overlap' ? night(number - 1).batch : null;
  return { stage: 'skipped', ...run, reason, behind };
}

export function endedOn(number: number, succeeded: number): ScheduleRun {
  const { sinceMs: _sinceMs, ...run } = night(number);
  const counts = { ...none, admitted: 4, succeeded, failed: 4 - succeeded };
  return {
    stage: 'ended',
    ...run,
    exitCode: succeeded === 4 ? 0 : 3,
    counts,
    spent: 4,
    putAwayMs: null,
  };
}

export function refusedOn(number: number, message: string): ScheduleRun {
  const { sinceMs: _sinceMs, ...run } = night(number);
  return { stage: 'refused', ...run, exitCode: 2, message, putAwayMs: null };
}

export function runningOn(number: number): ScheduleRun {
  const { endedMs: _endedMs, ...run } = night(number);
  return { stage: 'running', ...run, stopped: null };
}

/** The batch of a second night, a monitor, and schedules that have no worker. */
export async function openNights(patch: Parameters<typeof openMonitor>[0] = {}) {
  const { ledger: batch, ...opened } = await openMonitor(
    patch,
    await openLedger({ batch: 'nightly@2026-11-22' }),
  );
  return { ...opened, batchLedger: batch, ...openSchedules(opened) };
}
