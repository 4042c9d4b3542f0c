import type { Verdict } from '../ledger/result-ledger.js';
import type { JsonObject } from '../shared/json.js';
import type { LineStatus } from '../shared/manifest-line.js';

/** A file of a result, as the page shows it. */
export interface ReviewFile {
  /** Relative to the folder, with forward slashes. */
  path: string;
  mediaType: string;
  bytes: number;
  sha256: string;
  width?: number;
  height?: number;
  /** Whether it is a picture of which a small one can be shown; false as well where making one was tried in vain. */
  hasThumbnail: boolean;
}

/** What a brief was made with beside its prompt. */
export interface ReviewReference {
  /** Base name of a file or an address, or the name of the output that it comes after. */
  label: string;
  /** SHA-256 of a file of the row; null for an address, and for what another brief made. */
  thumbnail: string | null;
  /** The brief that made it. */
  briefId: string | null;
}

export interface ReviewDecision {
  decision: Verdict;
  note: string | null;
  prompt: string | null;
  /** ISO 8601. */
  at: string;
}

/** An attempt that another one has replaced. */
export interface EarlierAttempt {
  attempt: number;
  status: LineStatus;
  prompt: string | null;
  /** Charged. */
  credits: number | null;
  files: ReviewFile[];
  text: string | null;
  decision: ReviewDecision | null;
}

/** A brief that has ended, as the review page shows it: one shape, served or written into a file. */
export interface ReviewBrief {
  id: string;
  seq: number;
  row: number;
  source: string;
  status: LineStatus;
  model: string;
  /** The recipe's output that it is. */
  output: string | null;
  run: number | null;
  attempt: number;
  prompt: string | null;
  params: JsonObject;
  /** The row's. */
  columns: JsonObject;
  name: string | null;
  /** Charged; null where the API did not say. */
  credits: number | null;
  reserved: number | null;
  /** ISO 8601 in UTC. */
  times: {
    admitted: string;
    submitted: string | null;
    completed: string | null;
    collected: string | null;
  };
  error: { code: string; message: string; remedy: string } | null;
  /** The answer of a chat model. */
  text: string | null;
  files: ReviewFile[];
  references: ReviewReference[];
  /** Ids of the briefs that it comes after. */
  after: string[];
  decision: ReviewDecision | null;
  /** The latest first. */
  earlier: EarlierAttempt[];
}

/** What the page is given: of a batch, a page of its briefs. */
export interface ReviewData {
  batch: string;
  /** Base name of the folder; served, the folder as it can be typed in a command. */
  folder: string;
  /** Results of the simulator: placeholders. */
  simulated: boolean;
  /** Whether what is decided is taken. */
  canDecide: boolean;
  /** Briefs of the batch that have ended. */
  total: number;
  /** Of them, those that the query finds. */
  matching: number;
  /** From 1. */
  page: number;
  pages: number;
  /** Of the input, in its order. */
  columns: string[];
  briefs: ReviewBrief[];
  /** Lines of the manifest that cannot be read, and are left out. */
  unreadable: number;
  /** Served alone: `./events?since=MARK` tells of every decision that is not among these. */
  mark?: string;
}

/** So many briefs are given to a page at once. */
export const briefsPerPage = 10_000;
