import type { Logger } from 'pino';
import { shelveFinished } from '../batch/shelve-batch.js';
import { neededFiles } from '../ledger/reference-ledger.js';
import { sweepFetched } from '../producer/references/keep-fetched.js';
import { machineTime } from '../shared/clock.js';
import { referencesFolder } from './open-client.js';
import type { StoreSession } from './store-session.js';

const everyMs = 60 * 60_000;
/** Workers that start together do not look together; and first they work. */
const firstWithinMs = 60_000;
/** Of batches that ended long ago, looked at closely in one go. */
const mostAtOnce = 20;

/**
 * Takes away what is not needed any more: batches that ended long ago leave Redis, but for their records, and fetched
 * references go that no batch in Redis names. Safe at any time, and beside others who do the same.
 */
export async function tidyUp(
  { connection: redis, settings, clock }: StoreSession,
  { most = mostAtOnce, stopping }: { most?: number; stopping?: AbortSignal } = {},
): Promise<void> {
  const { prefix, home } = settings;
  const nowMs = clock.now();
  await shelveFinished(
    { redis, prefix, places: settings },
    { nowMs, most, ...(stopping && { stopping }) },
  );
  await sweepFetched(referencesFolder(home), {
    nowMs: machineTime().wallMs,
    isNeeded: (hashes) => neededFiles(redis, prefix, hashes),
  });
}

/** Tidies up now and then beside the work of a long-running worker, until it is closed. */
export class Tidying {
  private readonly stopping = new AbortController();
  private timer: NodeJS.Timeout;
  private underWay: Promise<void> = Promise.resolve();

  constructor(
    private readonly session: StoreSession,
    private readonly log: Logger,
  ) {
    this.timer = this.after(Math.random() * firstWithinMs);
  }

  private after(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      const { signal: stopping } = this.stopping;
      this.underWay = tidyUp(this.session, { stopping })
        .catch((error: unknown) => this.log.warn({ err: error }, 'could not tidy up'))
        .finally(() => {
          if (!stopping.aborted) this.timer = this.after(everyMs);
        });
    }, ms).unref();
  }

  async close(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.timer);
    await this.underWay;
  }
}
