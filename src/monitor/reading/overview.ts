import type { Look } from '../../forecast/outlook.js';
import type { BatchMeta } from '../../ledger/batch-meta.js';
import type { ShownWebhook } from '../../notify/words.js';
import type { QueueName } from '../../shared/queue-names.js';
import type { StageCounts } from './queues.js';
import type { AccountSight } from './read-account.js';
import type { AccountSchedules } from './read-schedules.js';

export interface WatchedBatch {
  meta: BatchMeta;
  account: AccountSight;
  queues: Record<QueueName, StageCounts>;
  /** Lines that are finished and not in the manifest yet. */
  unwritten: number;
  /** Why a worker could not begin with it lately. */
  notBegun: string | null;
  /** Files of finished tasks that cannot be fetched yet, and why. */
  filesDue: { count: number; reason: string | null };
  look: Look;
  /** Credits that what is not submitted yet will take, roughly; null where nobody knows what it costs. */
  needs: number | null;
  /** Who is told of it; null where nobody is. */
  webhook: ShownWebhook | null;
}

/** What a look has found. */
export interface Sight {
  atMs: number;
  /** Open ones first, then finished ones; the newest first. */
  batches: WatchedBatch[];
  /** Finished batches that are too old to be shown. */
  older: number;
  /** All that there are, open ones first, to be searched. */
  known: BatchMeta[];
  /** Of all batches that are shown, and of all schedules. */
  accounts: AccountSight[];
  schedules: AccountSchedules[];
}

/** Something that wants a person: what it is, since when, and what to do. */
export interface Alert {
  severity: 'critical' | 'warning';
  what: string;
  /** More of it, in words of the moment; null for none. */
  detail: string | null;
  toDo: string;
  /** In ms since the epoch: as the ledger knows it, or else since when this monitor has seen it. */
  sinceMs: number;
  /** Where the monitor says more; null where that is its first page. */
  about: { batch: string } | 'schedules' | null;
}

export interface Overview extends Sight {
  /** What wants a person, the worst first. */
  alerts: Alert[];
}
