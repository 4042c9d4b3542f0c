import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { batchHeldIn } from '../results/output-folder.js';
import { ReviewDesk } from '../review/server/review-desk.js';
import { addReviewRoutes } from '../review/server/review-routes.js';
import type { Clock } from '../shared/clock.js';
import { BatchError } from '../shared/errors.js';
import { quoteName } from '../shared/quantities.js';
import type { Actions } from './board/add-board.js';
import { reviewPath } from './pages/layout.js';
import type { Ledgers } from './reading/ledgers.js';

/** What is known of a folder is forgotten when nobody has looked for so long. */
const idleMs = 10 * 60_000;
const sweepEveryMs = 60_000;

interface OpenDesk {
  desk: ReviewDesk;
  usedAtMs: number;
}

/** Folders that are being looked at, of batches that come and go. */
export class ReviewDesks {
  private readonly open = new Map<string, OpenDesk>();
  private readonly sweeper: NodeJS.Timeout;

  constructor(
    private readonly ledgers: Ledgers,
    private readonly options: { clock: Clock; log: Logger },
  ) {
    this.sweeper = setInterval(() => this.sweep(), sweepEveryMs);
    this.sweeper.unref();
  }

  /** @throws BatchError `batch_not_found` where there is no such batch, or its folder is not on this machine */
  async deskOf(batch: string): Promise<ReviewDesk> {
    const meta = await this.ledgers.inTime(() => this.ledgers.batch(batch).meta());
    if (meta === null)
      throw new BatchError('batch_not_found', `There is no batch named ${quoteName(batch)}.`);
    const known = this.open.get(meta.out);
    if (known === undefined && (meta.out === '' || (await batchHeldIn(meta.out)) !== batch)) {
      const sentence = `The results of ${batch} are not on the machine that the monitor runs on.`;
      throw new BatchError('batch_not_found', sentence);
    }
    // Somebody else may have opened it meanwhile.
    const { desk } = this.open.get(meta.out) ?? { desk: this.begin(meta.out) };
    this.open.set(meta.out, { desk, usedAtMs: this.options.clock.now() });
    return desk;
  }

  private begin(out: string): ReviewDesk {
    const { clock, log } = this.options;
    return new ReviewDesk(out, { clock, warn: (sentence) => log.warn({ out }, sentence) });
  }

  private sweep(): void {
    const nowMs = this.options.clock.now();
    for (const [out, { desk, usedAtMs }] of this.open) {
      if (desk.feed.listeners > 0 || nowMs - usedAtMs < idleMs) continue;
      this.open.delete(out);
      void desk.close();
    }
  }

  /** Writes what is due of each. */
  async closeAll(): Promise<void> {
    clearInterval(this.sweeper);
    await Promise.all([...this.open.values()].map(({ desk }) => desk.close()));
  }
}

/** The page to look and decide on, of every batch whose folder is on this machine. */
export async function addReviews(
  server: FastifyInstance,
  { desks, actions, log }: { desks: ReviewDesks; actions: Actions; log: Logger },
): Promise<void> {
  const batchOf = (request: FastifyRequest) => (request.params as { batch: string }).batch;
  await server.register(
    (scope) =>
      addReviewRoutes(scope, {
        deskOf: (request) => desks.deskOf(batchOf(request)),
        canDecide: actions === 'allowed',
        onError: (error) => log.error({ err: error }, 'a review could not be answered'),
      }),
    { prefix: `${reviewPath}/:batch` },
  );
}
