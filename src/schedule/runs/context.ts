import type { Logger } from 'pino';
import type { BatchContext } from '../../batch/batch-context.js';
import type { FetchSource, ListedModels } from '../../producer/options.js';
import type { FetchReference } from '../../producer/references/files.js';
import type { Clock } from '../../shared/clock.js';
import type { ScheduleLedger } from '../ledger.js';
import type { RunJob, ScheduleQueue } from '../queue.js';
import type { Schedule } from '../schedule.js';

export interface ScheduleContext {
  /** What its batches are opened with. */
  batches: BatchContext;
  ledger: ScheduleLedger;
  queue: ScheduleQueue;
  /** The time of day that ticks come by; batches are dated by the ledger's. */
  clock: Clock;
  log: Logger;
  /** Ends an admission after the chunk under way; another worker goes on with it. */
  stopping: AbortSignal;
  /** Asks the API which models there are. */
  readModels(): Promise<ListedModels>;
  /** Fetches a schedule's URL into a file. @throws BatchError `bad_input` where that is refused or not possible */
  fetchSource: FetchSource;
  fetchReference: FetchReference;
}

/** What a run's step works with. */
export interface RunTurn {
  schedule: Schedule;
  job: RunJob;
}

/** What is to become of a run's job; only the edge turns it into queue operations. */
export type RunStep = { kind: 'done' } | { kind: 'again'; afterMs: number };
