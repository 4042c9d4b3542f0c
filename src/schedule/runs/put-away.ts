import { dirname } from 'node:path';
import { batchLedger } from '../../batch/batch-context.js';
import { clearBatch, forgetFinished } from '../../batch/clear-batch.js';
import { clearFolder } from '../../results/clear-folder.js';
import { leftToPeople } from '../../results/left-to-people.js';
import { manifestPath } from '../../results/manifest.js';
import { ownerOf } from '../../results/output-folder.js';
import { bucketOf } from '../../results/output-places.js';
import {
  isOverRun,
  type OverRun,
  type ReadRun,
  type Schedule,
  type ScheduleRun,
} from '../schedule.js';
import { type BatchPlace, placesOfRuns, previousBatch } from './adopt-results.js';
import type { RunStep, ScheduleContext } from './context.js';
import { isThere } from './take-input.js';

/** A run of a schedule that is over, and whose results are kept. */
export interface KeptRun {
  batch: string;
  begunMs: number;
  endedMs: number;
  /** Whether it has a result: one that has none takes no other's place. */
  made: boolean;
}

const dayMs = 86_400_000;

/**
 * Which runs are to be put away, the oldest first. Where a schedule keeps so many runs and so many days, a run stays as
 * long as one of both keeps it. The last one that has made anything stays always, and so does the one that the next is
 * compared with.
 * @param comparedWith its batch; null for none
 */
export function runsToPutAway<Run extends KeptRun>(
  runs: readonly Run[],
  { runs: most, days }: Schedule['keep'],
  { nowMs, comparedWith }: { nowMs: number; comparedWith: string | null },
): Run[] {
  if (most === null && days === null) return [];
  const newestFirst = runs.toSorted((left, right) => right.begunMs - left.begunMs);
  const goes: Run[] = [];
  let madeSince = 0;
  for (const run of newestFirst) {
    const isLast = run.made && madeSince === 0;
    const isOfLastRuns = most !== null && madeSince < most;
    const isOfLastDays = days !== null && nowMs - run.endedMs <= days * dayMs;
    const stays = isLast || isOfLastRuns || isOfLastDays || run.batch === comparedWith;
    if (!stays) goes.unshift(run);
    if (run.made) madeSince += 1;
  }
  return goes;
}

/** Somebody else may have the folder, or what keeps it from going may pass. */
const lookAgainMs = 5_000;
const tryAgainMs = 60_000;
/** After that, it is left to the end of the next run. */
const giveUpAfterMs = 600_000;

/**
 * Puts away what the schedule does not keep any more, now that a run is over: what Redis has of it, and its results but
 * for what was approved and handed over. Safe to repeat after a kill, and beside others who do the same. A worker that
 * does not have the folder leaves it to one that may.
 */
export async function putOldRunsAway(
  context: ScheduleContext,
  schedule: Schedule,
  { endedMs }: OverRun,
): Promise<RunStep> {
  const { runs: most, days } = schedule.keep;
  if (most === null && days === null) return { kind: 'done' };
  const isLate = context.clock.now() - endedMs > giveUpAfterMs;
  if (!(await isThere(schedule.out))) {
    return isLate ? { kind: 'done' } : { kind: 'again', afterMs: lookAgainMs };
  }
  let later: RunStep = { kind: 'done' };
  for (const run of await findRunsToPutAway(context, schedule)) {
    if (context.stopping.aborted) return { kind: 'again', afterMs: 0 };
    const became = await putAway(context, run).catch((error: unknown) => {
      context.log.warn({ err: error, batch: run.batch }, 'this run could not be put away yet');
      return 'in_trouble' as const;
    });
    if (became === 'put_away') {
      context.log.info({ schedule: schedule.name, batch: run.batch }, 'run put away');
      const putAwayMs = context.clock.now();
      if (run.read) {
        await context.ledger.save(schedule.name, run.read, { ...run.read.run, putAwayMs });
      }
    }
    if (isLate) continue;
    if (became === 'not_here' && later.kind === 'done') {
      later = { kind: 'again', afterMs: lookAgainMs };
    }
    if (became === 'in_trouble') later = { kind: 'again', afterMs: tryAgainMs };
  }
  return later;
}

interface FoundRun extends KeptRun {
  out: string;
  /** Its record; null where only its folder tells of it, after a schedule was added anew or its Redis was lost. */
  read: ReadRun<OverRun> | null;
}

async function findRunsToPutAway(
  { ledger, batches, clock }: ScheduleContext,
  schedule: Schedule,
): Promise<FoundRun[]> {
  const { runs } = await ledger.runs(schedule.name);
  const withBatch = runs.flatMap(({ run }) => (run.stage === 'skipped' ? [] : [run]));
  const { origin, places } = batches;
  const onDisk = withBatch.filter(({ out }) => bucketOf(places, out) === null);
  const where = { places, origin, known: onDisk.map(({ out }) => out) };
  // One that was put away and has come back, with a disk that was away, is found by its folder.
  const noted = new Set(withBatch.filter(isThereStill).map(({ batch }) => batch));
  const folders = await placesOfRuns(schedule, where);
  const others = folders.filter(({ header }) => {
    return header.account === batches.account.account && !noted.has(header.batch);
  });
  const found = [
    ...runs.filter(isKept).map(keptRun),
    ...(await Promise.all(others.map(runOfFolder))),
  ];
  const comparedWith = await previousBatch(schedule, '', where);
  return runsToPutAway(found, schedule.keep, {
    nowMs: clock.now(),
    comparedWith: comparedWith?.name ?? null,
  });
}

function isKept(read: ReadRun): read is ReadRun<OverRun> {
  return isOverRun(read.run) && isThereStill(read.run);
}

function isThereStill(run: ScheduleRun): boolean {
  return !isOverRun(run) || run.putAwayMs === null;
}

function keptRun(read: ReadRun<OverRun>): FoundRun {
  const { run } = read;
  const { batch, out, scheduledMs: begunMs, endedMs } = run;
  const made = run.stage === 'ended' && (run.counts?.succeeded ?? 0) > 0;
  return { batch, out, begunMs, endedMs, made, read };
}

async function runOfFolder({ out, header }: BatchPlace): Promise<FoundRun> {
  const { batch, createdAt } = header;
  const made = await isThere(manifestPath(out));
  return { batch, out, begunMs: createdAt, endedMs: createdAt, made, read: null };
}

type PuttingAway =
  | 'put_away'
  /** It is open, or a person has something to do with it. */
  | 'stays'
  /** This machine does not have the folder in which its own is. */
  | 'not_here';

async function putAway(
  { batches }: ScheduleContext,
  { batch, out }: FoundRun,
): Promise<PuttingAway> {
  // From when the schedule went into one: nothing is deleted there.
  if (bucketOf(batches.places, out) !== null) return 'stays';
  if (!(await isThere(dirname(out)))) return 'not_here';
  const owner = await ownerOf(out);
  if (owner === null) {
    // A run that was refused has left why at most; another's folder was taken away by somebody.
    if ((await forgetFinished(batches, batch)).kind === 'open') return 'stays';
    await clearFolder(out, 'results');
    return 'put_away';
  }
  // Under that name is somebody else's batch.
  if (owner !== batch) return 'stays';
  const meta = await batchLedger(batches, batch).meta();
  if ((meta?.lines.unknown ?? 0) > 0 || (await leftToPeople(out)) !== null) return 'stays';
  const clearing = await clearBatch(batches, { batch, folder: out }, 'results');
  return clearing.kind === 'cleared' ? 'put_away' : 'stays';
}
