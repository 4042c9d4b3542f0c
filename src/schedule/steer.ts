import { isDeepStrictEqual } from 'node:util';
import type { StateOfBatches } from '../batch/batch-context.js';
import type { Deed, Doer } from '../ledger/deeds.js';
import type { Webhook } from '../ledger/message-ledger.js';
import { BatchError } from '../shared/errors.js';
import { quoteName } from '../shared/quantities.js';
import type { ScheduleLedger } from './ledger.js';
import { runIdByHand, type ScheduleQueue } from './queue.js';
import { openRuns } from './runs/claim-run.js';
import type { OpenRun, Schedule } from './schedule.js';

/** What people's words reach: the schedules of one API origin and key. */
export interface SteeredSchedules {
  ledger: ScheduleLedger;
  queue: ScheduleQueue;
  batches: StateOfBatches;
  /** Whose words they are: what is done is noted with the schedule. */
  by: Doer;
}

/** @throws BatchError `batch_not_found` */
export async function findSchedule(ledger: ScheduleLedger, name: string): Promise<Schedule> {
  const schedule = await ledger.find(name);
  if (schedule === null) throw unknownSchedule(name);
  return schedule;
}

function unknownSchedule(name: string): BatchError {
  return new BatchError(
    'batch_not_found',
    `There is no schedule named ${quoteName(name)} under this API key: "rivya-batch schedule list" lists them.`,
  );
}

/** No run begins until it is resumed; what was begun goes on. @throws BatchError `batch_not_found` */
export async function pauseSchedule(schedules: SteeredSchedules, name: string): Promise<void> {
  const { before } = await setState(schedules, name, 'paused');
  await schedules.queue.stop(name);
  if (before.state !== 'paused') await note(schedules, name, { kind: 'paused' });
}

/**
 * Runs come due again, from the next tick on; returns when that is, in ms since the epoch.
 * @throws BatchError `batch_not_found`
 */
export async function resumeSchedule(
  schedules: SteeredSchedules,
  name: string,
): Promise<{ schedule: Schedule; nextMs: number | null }> {
  const { before, after: schedule } = await setState(schedules, name, 'active');
  await schedules.queue.start(schedule);
  if (before.state !== 'active') await note(schedules, name, { kind: 'resumed' });
  return { schedule, nextMs: await schedules.queue.nextTick(name) };
}

async function setState(
  { ledger }: SteeredSchedules,
  name: string,
  state: Schedule['state'],
): Promise<{ before: Schedule; after: Schedule }> {
  const changed = await ledger.change(name, (schedule) => ({ ...schedule, state }));
  if (changed === null) throw unknownSchedule(name);
  return changed;
}

async function note({ ledger, by }: SteeredSchedules, name: string, deed: Deed): Promise<void> {
  await ledger.deedsOf(name).note(deed, by);
}

export type RunAsked =
  | { kind: 'asked' }
  /** By the schedule's rule it would be left out. */
  | { kind: 'busy'; batch: string };

/**
 * Asks for one run more; a worker takes it, and decides by the schedule's rules. Asked again with the same moment, it is the
 * same run.
 * @param askedMs ms since the epoch
 * @throws BatchError `batch_not_found`
 */
export async function runNow(
  schedules: SteeredSchedules,
  name: string,
  askedMs: number,
): Promise<RunAsked> {
  const { overlap } = await findSchedule(schedules.ledger, name);
  const id = runIdByHand(askedMs);
  const { runs } = await schedules.ledger.runs(name);
  if (runs.some(({ run }) => run.id === id)) return { kind: 'asked' };
  const [unfinished] = await openRuns(schedules.batches, runs);
  if (unfinished !== undefined && overlap === 'skip') {
    return { kind: 'busy', batch: unfinished.batch };
  }
  const run = { id, scheduledMs: askedMs, trigger: 'hand' } as const;
  const added = await schedules.queue.addRun({ v: 1, kind: 'run', schedule: name, ...run });
  if (added === 'added') await note(schedules, name, { kind: 'run_asked' });
  return { kind: 'asked' };
}

/** Deletes it with its history; its batches stay. Returns what is under way. @throws BatchError `batch_not_found` */
export async function removeSchedule(
  schedules: SteeredSchedules,
  name: string,
): Promise<{ schedule: Schedule; open: OpenRun[] }> {
  const { ledger, queue } = schedules;
  const schedule = await findSchedule(ledger, name);
  const { runs } = await ledger.runs(name);
  const open = await openRuns(schedules.batches, runs);
  await queue.stop(name);
  await ledger.remove(name);
  return { schedule, open };
}

/**
 * Puts another in place of a schedule, under its name and with its history; what was begun goes on as it was begun.
 * Killed in between, it is done by whoever does it again, and a worker that starts sees to the ticks.
 * @param before as it was when `after` was made of it
 * @param webhook undefined leaves whom it tells
 * @throws BatchError `batch_conflict` where somebody else has changed it since, `batch_not_found`
 */
export async function replaceSchedule(
  schedules: SteeredSchedules,
  { before, after }: { before: Schedule; after: Schedule },
  webhook: Webhook | 'none' | undefined,
): Promise<void> {
  const { ledger, queue } = schedules;
  const { name } = before;
  const changed = await ledger.change(name, (found) => {
    if (isDeepStrictEqual(found, before)) return after;
    throw new BatchError(
      'batch_conflict',
      `Somebody else has changed schedule ${name} at the same time: look at it (rivya-batch schedule show ${name}), and give the command again.`,
    );
  });
  if (changed === null) throw unknownSchedule(name);
  if (webhook !== undefined) await ledger.messages.listen(`schedule ${name}`, webhook);
  if (after.state === 'active') await queue.start(after);
  await note(schedules, name, { kind: 'changed' });
}
