import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.js';
import type { AccountLedger } from '../../shared/ledger/account-ledger.js';
import { BatchLedger } from '../../shared/ledger/batch-ledger.js';
import type { Schedule } from '../../shared/schedule/schedule.js';
import type { ScheduleLedger } from '../../shared/schedule/schedule-ledger.js';
import type { RunJob, ScheduleQueue } from '../../shared/schedule/schedule-queue.js';
import type { ListedModels } from '../input-checks.js';
import type { FetchReference } from '../references/reference-files.js';

export interface ScheduleContext {
  connection: Redis;
  prefix: string;
  origin: string;
  account: AccountLedger;
  ledger: ScheduleLedger;
  queue: ScheduleQueue;
  clock: Clock;
  log: Logger;
  /** Ends an admission after the chunk under way; another worker goes on with it. */
  stopping: AbortSignal;
  /** Asks the API which models there are. */
  readModels(): Promise<ListedModels>;
  /** Fetches a schedule's URL into a file. @throws BatchError `bad_input` where that is refused or not possible */
  fetchFile(url: string, path: string): Promise<void>;
  fetchReference: FetchReference;
}

/** What a run's step works with. */
export interface RunTurn {
  schedule: Schedule;
  job: RunJob;
}

/** What is to become of a run's job; only the edge turns it into queue operations. */
export type RunStep = { kind: 'done' } | { kind: 'again'; afterMs: number };

export function batchLedger(context: ScheduleContext, batch: string): BatchLedger {
  return new BatchLedger(context.connection, context.prefix, batch, context.account);
}
