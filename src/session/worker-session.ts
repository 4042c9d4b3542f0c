import type { Logger } from 'pino';
import type { AccountLedger } from '../ledger/account-ledger.js';
import { fillDraft } from '../producer/steps/fill-draft.js';
import { modelFacts } from '../rivya/catalogue.js';
import type { RivyaClient } from '../rivya/client.js';
import { createDownloader } from '../rivya/download.js';
import type { Model } from '../rivya/outcome.js';
import type { QueueStage } from '../shared/queue-names.js';
import { WorkerProcess } from '../worker/worker-process.js';
import { fetcherFor } from './open-client.js';
import { type StoreSession, userAgent } from './store-session.js';

/** A result larger than this is not fetched: no documented model comes near it. */
const maxAssetBytes = 2_000_000_000;
const downloadIdleMs = 60_000;

/** How many requests, and how many tasks; what is absent is learned. */
export interface RequestLimits {
  /** Requests a second, over all endpoints and machines. */
  rate?: number;
  submitRate?: number;
  readRate?: number;
  /** Accepted and unfinished tasks, over all machines. */
  inFlight?: number;
  /** HTTP requests at once, per process and stage. */
  concurrency: number;
  /** Hours for which the API is taken to know an idempotency key. */
  keyLife: number;
}

export interface WorkerParts {
  session: StoreSession;
  account: AccountLedger;
  client: RivyaClient;
  stages: readonly QueueStage[];
  limits: RequestLimits;
  log: Logger;
  models: Model[];
  hints?: 'hints' | 'none';
}

export interface OpenWorker {
  worker: WorkerProcess;
  close(deadlineMs: number): Promise<void>;
}

/** Puts together what a process needs to work on batches. */
export async function openWorker(parts: WorkerParts): Promise<OpenWorker> {
  const { session, account, client, stages, limits, log, models, hints = 'none' } = parts;
  const { settings, connection, clock } = session;
  const downloader = createDownloader({
    apiOrigin: settings.origin,
    maxBytes: maxAssetBytes,
    idleTimeoutMs: downloadIdleMs,
    proxy: settings.proxy,
    localPort: settings.simulatorPort ?? undefined,
    userAgent,
  });
  const worker = new WorkerProcess({
    connection,
    prefix: settings.prefix,
    account,
    client,
    downloader,
    stages,
    clock,
    log,
    hints,
    keyLifeMs: limits.keyLife * 3_600_000,
    ...modelFacts(models),
    fetchStored: fetcherFor(settings),
    fillDraft: (draft, results) =>
      fillDraft(
        draft,
        results,
        models.find(({ id }) => id === draft.model),
      ),
    limits: {
      rate: limits.rate ?? null,
      submitRate: limits.submitRate ?? null,
      readRate: limits.readRate ?? null,
      inFlight: limits.inFlight ?? null,
      concurrency: limits.concurrency,
    },
  });
  await worker.start();
  return {
    worker,
    async close(deadlineMs) {
      await worker.close(deadlineMs);
      await downloader.close();
    },
  };
}
