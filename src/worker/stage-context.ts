import type { Logger } from 'pino';
import type { RivyaClient } from '../rivya/client.js';
import type { Downloader } from '../rivya/download.js';
import type { Clock, MachineTime } from '../shared/clock.js';
import type { Journal } from '../shared/journal.js';
import type { AccountLedger } from '../shared/ledger/account-ledger.js';
import type { BatchLedger } from '../shared/ledger/batch-ledger.js';
import type { TaskCategory } from '../shared/ledger/brief-state.js';
import type { DurationLedger } from '../shared/ledger/duration-ledger.js';
import type { Notify } from './notice.js';
import type { Pacer } from './pacer.js';
import type { PollPlanner } from './polling/poll-planner.js';

/** What the stages of one batch work with. */
export interface StageContext {
  batch: string;
  nonce: string;
  /** Tells this life of the batch from a later one of the same name. */
  createdAt: number;
  ledger: BatchLedger;
  account: AccountLedger;
  /** Null on a machine without the output folder. */
  journal: Journal | null;
  client: RivyaClient;
  downloader: Downloader;
  pacer: Pacer;
  pollPlanner: PollPlanner;
  /** How late ends of tasks were noticed, by model. */
  notices: DurationLedger;
  /** The ledger's time, for whatever is kept or compared. */
  clock: Clock;
  /** This machine's own, for how long something took in this process. */
  machine(): MachineTime;
  log: Logger;
  notify: Notify;
  /** Aborted when the process is to stop: waits end, requests under way are finished. */
  stopping: AbortSignal;
  /** What a model makes; null for one that no list knows. */
  categoryOf(model: string): TaskCategory | null;
  /** Credits to reserve for a model while no price is known, and the least a task of it can cost. */
  priceOf(model: string): { guess: number; least: number };
  /** In-flight cap where no live worker was told one. */
  defaultInFlight: number;
  /** Age from which an idempotency key may have been forgotten by the API (S1). */
  keyLifeMs: number;
}
