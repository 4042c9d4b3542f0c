import { z } from 'zod';
import { type LineStatus, lineStatusSchema } from '../shared/manifest-line.js';

/** What a batch is; fixed when it is created. */
export type BatchIdentity = {
  origin: string;
  /** Hash over origin and API key; the key itself is nowhere (S8). */
  account: string;
  /** Absolute folder of the results, or '' for a batch that leaves it to the workers. */
  out: string;
  /** '' unless `--fresh` asked for a new start (S1). */
  nonce: string;
  createdAt: number;
};

/** What the last admission saw; the rest of S4's sum is counted as it happens. */
export type BatchCounts = { rows: number; rejected: number; duplicates: number };

export interface BatchMeta extends BatchIdentity, BatchRuns {
  name: string;
  admission: 'open' | 'complete';
  rows: number;
  rejected: number;
  duplicates: number;
  /** JSON list of file names, as given. */
  sources: string[];
  /** What began it last; null where that was a schedule, or an earlier version. */
  command: KeptCommand | null;
  admitted: number;
  lines: Record<LineStatus, number>;
  /** Admitted and without a line. */
  pending: number;
  /** Credits charged, as the API states them. */
  spent: number;
  /** Credits held for tasks that are not known to be over. */
  reserved: number;
  maxCredits: number | null;
  maxCreditsPerDay: number | null;
  /** Which cap keeps the next submission from being sent, if one does. */
  capped: 'cap' | 'day_cap' | null;
  requests: {
    submits: number;
    statusChecks: number;
    downloads: number;
    uploads: number;
    refused: number;
  };
  /** How often its admission was opened again. */
  admissions: number;
  /** `manifest.csv` and `run.json` stand for the lines of the latest admission. */
  finalized: boolean;
  /** The API has taken at least one of its submissions. */
  accepted: boolean;
  /** What an earlier life left in the folder has been taken over. */
  ready: boolean;
  /** The manifest of an earlier life is being taken over. */
  adopting: boolean;
  /** A machine without the output folder submits for this batch. */
  elsewhere: boolean;
  paused: boolean;
  cancelled: boolean;
  /** Lines are leaving the manifest, so that their briefs are open again. */
  rewriting: boolean;
}

/** Nothing of this life was ever sent: what it does not know of, it cannot have made. */
export function neverSent({ accepted, lines, requests }: BatchMeta): boolean {
  const made = lines.succeeded + lines.failed + lines.unknown;
  return !accepted && made === 0 && requests.submits === 0;
}

function readRequests(count: (field: string) => number): BatchMeta['requests'] {
  return {
    submits: count('submits'),
    statusChecks: count('status_checks'),
    downloads: count('downloads'),
    uploads: count('uploads'),
    refused: count('refused'),
  };
}

/** Reads the meta hash; null when it is empty. */
export function readMeta(name: string, fields: Record<string, string>): BatchMeta | null {
  if (fields.account === undefined) return null;
  const count = (field: string) => Number(fields[field] ?? 0);
  const lines = countEach((status) => count(`lines:${status}`));
  const lined = lines.succeeded + lines.failed + lines.unknown + lines.cancelled;
  return {
    name,
    origin: fields.origin ?? '',
    account: fields.account,
    out: fields.out ?? '',
    nonce: fields.nonce ?? '',
    createdAt: count('createdAt'),
    admission: fields.admission === 'complete' ? 'complete' : 'open',
    rows: count('rows'),
    rejected: count('rejected'),
    duplicates: count('duplicates'),
    sources: JSON.parse(fields.sources ?? '[]') as string[],
    command: readKeptCommand(fields.command),
    admitted: count('admitted'),
    lines,
    pending: count('admitted') - lined,
    spent: count('spent'),
    reserved: count('reserved'),
    maxCredits: fields.max_credits === undefined ? null : count('max_credits'),
    maxCreditsPerDay:
      fields.max_credits_per_day === undefined ? null : count('max_credits_per_day'),
    capped: fields.capped === 'cap' || fields.capped === 'day_cap' ? fields.capped : null,
    requests: readRequests(count),
    ...readRuns(fields),
    admissions: count('admissions'),
    finalized: fields.finalized === String(count('admissions')),
    accepted: fields.accepted === '1',
    ready: fields.ready === '1',
    adopting: fields.adopting === '1',
    elsewhere: fields.elsewhere === '1',
    paused: fields.paused === '1',
    cancelled: fields.cancelled === '1',
    rewriting: fields.rewriting !== undefined,
  };
}

/** One run of a batch: an admission, or a retry, that had something to make. */
interface BatchRun {
  /** From 1. */
  run: number;
  /** Ms since the epoch; null where that was lost. */
  atMs: number | null;
  /** Lines of the manifest that it made, as they stand now: one that is made anew goes over to the later run. */
  lines: Record<LineStatus, number>;
}

interface BatchRuns {
  /** In their order; those of earlier versions are not among them. */
  runs: BatchRun[];
  /** Number of the run that makes everything of its input anew; null where none does, or it was finished. */
  forcedRun: number | null;
  /** Lines that were taken over from an earlier batch of its schedule. */
  takenOver: number;
}

/** What a batch's meta hash tells of who made its lines. */
function readRuns(fields: Record<string, string>): BatchRuns {
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

function countEach(count: (status: LineStatus) => number): Record<LineStatus, number> {
  const [succeeded, failed, unknown, cancelled] = lineStatusSchema.options.map(count);
  return {
    succeeded: succeeded ?? 0,
    failed: failed ?? 0,
    unknown: unknown ?? 0,
    cancelled: cancelled ?? 0,
  };
}

export type BatchState = 'cancelled' | 'finished' | 'paused' | 'being queued' | 'open';

/** Briefs that have their line, and did not succeed. */
export function withoutSuccess({ lines }: Pick<BatchMeta, 'lines'>): number {
  return lines.failed + lines.unknown + lines.cancelled;
}

/** Where a batch stands, in words for people. */
export function batchState(meta: BatchMeta): BatchState {
  if (meta.cancelled) return 'cancelled';
  if (meta.admission === 'complete' && meta.pending === 0) return 'finished';
  if (meta.paused) return 'paused';
  return meta.admission === 'open' ? 'being queued' : 'open';
}

/** The command that a batch was last begun with, as it can be given again from any folder; no secret is in it (S8). */
const keptCommandSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('kept'),
    name: z.enum(['run', 'enqueue']),
    /** Absolute paths; none where a recipe names them. */
    files: z.array(z.string()),
    /** Flags with their values as they were typed, or as the environment had them; null for a switch. */
    options: z.array(z.tuple([z.string(), z.string().nullable()])),
  }),
  /** What was read once cannot be read again; what holds a secret is not kept. */
  z.object({ kind: z.literal('not_kept'), why: z.enum(['read_once', 'secret']) }),
]);

export type KeptCommand = z.infer<typeof keptCommandSchema>;

/** Null for a batch of an earlier version, or of a schedule. */
function readKeptCommand(text: string | undefined): KeptCommand | null {
  return text === undefined ? null : keptCommandSchema.parse(JSON.parse(text));
}
