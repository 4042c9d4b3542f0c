import type { LineStatus } from '../manifest-line.js';
import { type BatchRuns, countEach, readRuns } from './batch-runs.js';
import { type KeptCommand, readKeptCommand } from './kept-command.js';

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

/** Stands for the simulator that `run --simulate` starts, whatever its port: no batch of it is ever taken for a real one (S1). */
export const simulatedOrigin = 'http://simulator.invalid';

export function isSimulated({ origin }: Pick<BatchMeta, 'origin'>): boolean {
  return origin === simulatedOrigin;
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
