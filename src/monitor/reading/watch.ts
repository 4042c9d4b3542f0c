import { stillNeeded } from '../../forecast/credits.js';
import { Outlook } from '../../forecast/outlook.js';
import { type BatchMeta, isOver } from '../../ledger/batch-meta.js';
import { shownWebhook } from '../../notify/words.js';
import { AlertKeeper } from './alerts.js';
import { BatchModels } from './batch-models.js';
import type { Ledgers } from './ledgers.js';
import type { Overview, WatchedBatch } from './overview.js';
import type { BatchQueues, ScheduleQueues, StageCounts } from './queues.js';
import { type AccountSight, readAccount, SilenceWatch } from './read-account.js';
import { readSchedules } from './read-schedules.js';

/** What is opened for as long as the monitor looks. */
export interface WatchedQueues {
  batches: BatchQueues;
  schedules: ScheduleQueues;
}

/** However many look, Redis is asked this often at most. */
const freshMs = 1_000;
/** Without anybody looking: so that the pace of the last minute is known to the first who does. */
const lookEveryMs = 5_000;
const mostFinished = 100;
const none: StageCounts = { waiting: 0, active: 0, delayed: 0, failed: 0 };

/** Keeps an eye on all batches: one look serves all pages, the metrics and Bull Board. */
export class Watch {
  private readonly outlooks = new Map<string, Outlook>();
  private readonly alerts = new AlertKeeper();
  private readonly silence = new SilenceWatch();
  private readonly models: BatchModels;
  private latest: Overview | null = null;
  private looking: Promise<Overview> | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly ledgers: Ledgers,
    private readonly queues: WatchedQueues,
  ) {
    this.models = new BatchModels(ledgers);
  }

  start(): void {
    this.timer = setInterval(() => {
      // Whoever looks is told; here nobody does, and the next look comes soon.
      this.look().catch(() => undefined);
    }, lookEveryMs);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.looking?.catch(() => undefined);
  }

  /** What is asked for next is read anew: something was done. */
  async lookAnew(): Promise<void> {
    await this.looking?.catch(() => undefined);
    this.latest = null;
  }

  /** @throws BatchError `redis_unreachable` */
  look(): Promise<Overview> {
    const { latest, ledgers } = this;
    if (latest && ledgers.redis.status === 'ready' && ledgers.clock.now() - latest.atMs < freshMs)
      return Promise.resolve(latest);
    return ledgers.inTime(() => this.lookOnce());
  }

  /** A look that Redis does not answer stays the only one, however often it is asked for. */
  private lookOnce(): Promise<Overview> {
    this.looking ??= this.read().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  private async read(): Promise<Overview> {
    const { ledgers } = this;
    const atMs = ledgers.clock.now();
    const [names, schedules] = await Promise.all([
      ledgers.batchNames(),
      readSchedules(ledgers, this.queues.schedules, atMs),
    ]);
    const metas = await Promise.all(names.map((name) => ledgers.batch(name).meta()));
    const { shown, older, known } = choose(metas.filter((meta) => meta !== null));
    const accounts = await this.readAccounts([...shown, ...schedules]);
    const batches = await Promise.all(
      shown.flatMap((meta) => {
        const account = accounts.get(meta.account);
        return account ? this.readBatch(atMs, meta, account) : [];
      }),
    );
    const kept = new Set(names);
    await this.queues.batches.keepOnly(kept);
    this.models.keepOnly(kept);
    for (const batch of this.outlooks.keys()) if (!kept.has(batch)) this.outlooks.delete(batch);
    const seen = { atMs, batches, older, known, accounts: [...accounts.values()], schedules };
    this.latest = { ...seen, alerts: this.alerts.look(seen) };
    return this.latest;
  }

  /** A batch as it is watched, however old; null where there is none. @throws BatchError `redis_unreachable` */
  async find(name: string): Promise<WatchedBatch | null> {
    const { batches, atMs } = await this.look();
    const watched = batches.find(({ meta }) => meta.name === name);
    if (watched !== undefined) return watched;
    return this.ledgers.inTime(async () => {
      const meta = await this.ledgers.batch(name).meta();
      const account = meta && (await this.readAccounts([meta])).get(meta.account);
      return meta && account ? this.readBatch(atMs, meta, account) : null;
    });
  }

  private async readAccounts(
    owned: Pick<BatchMeta, 'account' | 'origin'>[],
  ): Promise<Map<string, AccountSight>> {
    const origins = new Map(owned.map(({ account, origin }) => [account, origin]));
    const sights = await Promise.all(
      [...origins].map(([account, origin]) =>
        readAccount(this.ledgers, this.silence, { account, origin }),
      ),
    );
    return new Map(sights.map((sight) => [sight.account, sight]));
  }

  private async readBatch(
    atMs: number,
    meta: BatchMeta,
    account: AccountSight,
  ): Promise<WatchedBatch> {
    const idle = isOver(meta);
    const ledger = this.ledgers.batch(meta.name);
    const { messages } = this.ledgers.account(meta.account);
    const [queues, unwritten, notBegun, fileTrouble, taskMs, price, [webhook]] = await Promise.all([
      idle
        ? { submit: none, status: none, collect: none, waiting: none }
        : this.queues.batches.counts(meta.name),
      ledger.outbox.length(),
      ledger.notBegun(),
      ledger.fileTrouble(),
      idle ? null : this.models.typicalTaskMs(meta.name, account.durations),
      idle ? null : this.models.typicalPrice(meta.name, account.prices),
      messages.webhooks([`batch ${meta.name}`]),
    ]);
    const outlook = this.outlooks.get(meta.name) ?? new Outlook();
    this.outlooks.set(meta.name, outlook);
    const { view } = account;
    const { waiting, active, delayed } = queues.collect;
    const queued = {
      submit: unfinished(queues.submit),
      putOff: queues.submit.delayed,
      steps: queues.waiting.waiting,
      collect: waiting + active,
      filesDue: delayed,
    };
    const look = outlook.look(atMs, { meta, account: view, queued }, { told: view.told, taskMs });
    const filesDue = { count: delayed, reason: delayed > 0 ? fileTrouble : null };
    const told = webhook ? shownWebhook(webhook) : null;
    const needs = stillNeeded(meta, look.waiting, price);
    return { meta, account, queues, unwritten, notBegun, filesDue, look, needs, webhook: told };
  }
}

function choose(metas: BatchMeta[]): Pick<Overview, 'older' | 'known'> & { shown: BatchMeta[] } {
  const newestFirst = metas.toSorted((left, right) => right.createdAt - left.createdAt);
  const open = newestFirst.filter((meta) => !isOver(meta));
  const over = newestFirst.filter(isOver);
  return {
    shown: [...open, ...over.slice(0, mostFinished)],
    older: Math.max(0, over.length - mostFinished),
    known: [...open, ...over],
  };
}

function unfinished({ waiting, active, delayed }: StageCounts): number {
  return waiting + active + delayed;
}
