import type { Schedule } from './schedule.js';
import type { ScheduleLedger } from './schedule-ledger.js';
import type { ScheduleRun, Told } from './schedule-run.js';

/** A schedule and what became of it, for whoever looks. */
export interface ScheduleSight {
  schedule: Schedule;
  /** Ms since the epoch, in the past while no worker takes it; null while no tick is to come. */
  nextMs: number | null;
  /** Newest first; those that are kept. */
  history: ScheduleRun[];
  /** Runs that ever came due, those that were skipped or are forgotten included. */
  claims: number;
  /** Where it is told of failures is nobody's to see (S8). */
  webhook: 'set' | 'none';
}

/** @param ticks the schedules' queue, or a reader of it */
export async function readScheduleSight(
  ledger: ScheduleLedger,
  ticks: { nextTick(name: string): Promise<number | null> },
  schedule: Schedule,
): Promise<ScheduleSight> {
  const { name } = schedule;
  const [{ runs, claims }, nextMs, hasWebhook] = await Promise.all([
    ledger.runs(name),
    ticks.nextTick(name),
    ledger.hasWebhook(name),
  ]);
  return {
    schedule,
    nextMs,
    history: runs.map(({ run }) => run).reverse(),
    claims: Number(claims),
    webhook: hasWebhook ? 'set' : 'none',
  };
}

/** What the webhook was told last; null while it was told nothing. */
export function lastTold({ history }: ScheduleSight): Told | null {
  let last: Told | null = null;
  for (const { told } of history) if (told && (last === null || told.atMs > last.atMs)) last = told;
  return last;
}
