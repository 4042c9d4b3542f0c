import { type LineStatus, lineStatusSchema } from '../manifest-line.js';

/** One run of a batch: an admission, or a retry, that had something to make. */
interface BatchRun {
  /** From 1. */
  run: number;
  /** Ms since the epoch; null where that was lost. */
  atMs: number | null;
  /** Lines of the manifest that it made, as they stand now: one that is made anew goes over to the later run. */
  lines: Record<LineStatus, number>;
}

export interface BatchRuns {
  /** In their order; those of earlier versions are not among them. */
  runs: BatchRun[];
  /** Number of the run that makes everything of its input anew; null where none does, or it was finished. */
  forcedRun: number | null;
  /** Lines that were taken over from an earlier batch of its schedule. */
  takenOver: number;
}

/** What a batch's meta hash tells of who made its lines. */
export function readRuns(fields: Record<string, string>): BatchRuns {
  return {
    runs: runsIn(fields),
    forcedRun:
      fields.forced === undefined || fields.forced === fields.forced_done
        ? null
        : Number(fields.forced),
    takenOver: Number(fields.taken_over ?? 0),
  };
}

function runsIn(fields: Record<string, string>): BatchRun[] {
  const last = Number(fields.run ?? 0);
  return Array.from({ length: last }, (_, index) => {
    const run = index + 1;
    const at = fields[`run:${run}:at`];
    const count = (status: LineStatus) => Number(fields[`run:${run}:${status}`] ?? 0);
    return { run, atMs: at === undefined ? null : Number(at), lines: countEach(count) };
  });
}

export function countEach(count: (status: LineStatus) => number): Record<LineStatus, number> {
  const [succeeded, failed, unknown, cancelled] = lineStatusSchema.options.map(count);
  return {
    succeeded: succeeded ?? 0,
    failed: failed ?? 0,
    unknown: unknown ?? 0,
    cancelled: cancelled ?? 0,
  };
}
