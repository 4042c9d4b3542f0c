import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { AccountLedger, TaskBrief, ToldLimits } from '../ledger/account-ledger.js';
import { defaultInFlight } from '../ledger/account-view.js';
import { BatchLedger } from '../ledger/batch-ledger.js';
import type { BatchMeta } from '../ledger/batch-meta.js';
import { DurationLedger } from '../ledger/durations.js';
import { readEvictions } from '../ledger/explain-loss.js';
import { HistoryLedger } from '../ledger/history.js';
import { BackgroundThumbnails } from '../pictures/thumbnails.js';
import { Journal, type JournalHeader } from '../results/journal.js';
import type { RivyaClient } from '../rivya/client.js';
import type { Downloader } from '../rivya/download.js';
import { type Clock, machineTime, systemClock, wasSetBack } from '../shared/clock.js';
import type { BatchError } from '../shared/errors.js';
import { type News, NewsReader } from '../shared/news.js';
import type { QueueStage } from '../shared/queue-names.js';
import { StageQueues } from '../shared/queues.js';
import type { TaskCategory } from '../shared/task-category.js';
import { BatchWorker } from './batch-worker.js';
import type { Hastened } from './hints/hint-desk.js';
import type { Notify } from './notices.js';
import { Pacer } from './pacing/pacer.js';
import { WalletWatch } from './pacing/wallet-watch.js';
import { PollPlanner } from './polling/poll-planner.js';
import { StageLoop } from './stage-loop.js';
import { AnswerTally, countRefusals } from './stages/answers.js';
import { DownloadSlots } from './stages/download-slots.js';
import { longestHoldMs } from './stages/permit.js';
import { shelfAt } from './stages/result-shelf.js';
import type { FetchStored, FillDraft } from './stages/step.js';
import { StandstillWatch } from './standstill-watch.js';

interface WorkerLimits extends Partial<ToldLimits> {
  /** HTTP requests at once, per process and stage. */
  concurrency: number;
}

export interface WorkerProcessOptions {
  connection: Redis;
  prefix: string;
  account: AccountLedger;
  client: RivyaClient;
  downloader: Downloader;
  stages: readonly QueueStage[];
  limits: WorkerLimits;
  clock: Clock;
  log: Logger;
  categoryOf(model: string): TaskCategory | null;
  priceOf(model: string): { guess: number; least: number };
  keyLifeMs: number;
  fillDraft: FillDraft;
  fetchStored: FetchStored;
  /** Whether hints of the API reach this process: while they reach one, all let briefs be found by their tasks. */
  hints?: 'hints' | 'none';
}

const heartbeatMs = 2_500;
const beatsPerLook = 3;
/** One batch in turn is looked at this often: news that was lost would else be missed for good. */
const lookAroundMs = 60_000;
/** So long without a heartbeat that reached Redis, and it is taken to be out of reach. */
const silentAfterMs = 3 * heartbeatMs;

/** Thumbnails that are under way may be finished for so long; others are made by whoever looks. */
const thumbnailsMs = 2_000;

/** So long after a look that found a task running, the next one comes for its hint at the soonest, whoever gives it. */
const afterLookMs = 1_000;

/** Whether a process can do its work at this moment. */
export type Condition = 'ready' | 'redis_silent' | 'stopping';

/** Where a batch's results go. */
export interface BatchPlace {
  /** On this machine: the batch's, or the mirror of its bucket. */
  folder: string;
  /** Whether this machine writes lines and notes in it, or keeps result files alone. */
  lines: 'here' | 'elsewhere';
}

/** One process' workers: what its batches share (limits, pace, HTTP slots), and the batches attached to it. */
export class WorkerProcess {
  private readonly id = randomUUID();
  private readonly stopping = new AbortController();
  private readonly batches = new Map<string, BatchWorker>();
  /** What other processes tell, and what was missed meanwhile. */
  readonly news: NewsReader;
  private readonly loops = new Map<QueueStage, StageLoop>();
  private readonly activity = new Set<() => void>();
  private others = new Set<string>();
  private aroundTimer: NodeJS.Timeout | undefined;
  private readonly downloads: DownloadSlots;
  private readonly thumbnails = new BackgroundThumbnails();
  private readonly pacer: Pacer;
  private readonly pollPlanner: PollPlanner;
  private readonly durations: DurationLedger;
  private readonly notices: DurationLedger;
  private readonly history: HistoryLedger;
  private readonly tally: AnswerTally;
  private readonly client: RivyaClient;
  private readonly downloader: Downloader;
  private readonly walletWatch: WalletWatch;
  private readonly standstillWatch: StandstillWatch;
  private heart: NodeJS.Timeout | undefined;
  /** Whether Redis deletes keys to make room, as far as known. */
  private evicting = true;
  private beats = 0;
  private seen = machineTime();
  private beatAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: WorkerProcessOptions) {
    const { limits, account, clock, connection, log } = options;
    // Every wait of every stage listens to it: many, but each goes with its wait.
    setMaxListeners(0, this.stopping.signal);
    this.downloads = new DownloadSlots(limits.concurrency);
    const seats = {
      submit: limits.concurrency,
      status: limits.concurrency,
      collect: this.downloads.most,
    };
    const leave = () => account.heldForMs(longestHoldMs, defaultInFlight);
    for (const stage of options.stages) {
      const asks = stage === 'submit' ? { leave } : {};
      const loop = new StageLoop({ seats: seats[stage], ...asks, clock: systemClock, log });
      this.loops.set(stage, loop);
    }
    this.news = new NewsReader(connection, options.prefix);
    this.news.listen((news) => this.hear(news));
    this.pacer = new Pacer(account, this.stopping.signal);
    this.durations = new DurationLedger(connection, account.keys);
    const { durations } = this;
    this.pollPlanner = new PollPlanner({ durations, clock, log, random: Math.random });
    this.notices = new DurationLedger(connection, { durations: account.keys.notices });
    this.history = new HistoryLedger(connection, options.prefix, account.keys);
    this.tally = new AnswerTally(account.records, log);
    this.client = this.tally.ofClient(options.client);
    this.downloader = this.tally.ofDownloader(options.downloader);
    const { client, pacer } = this;
    const hasWork = () => this.batches.size > 0;
    this.walletWatch = new WalletWatch({ client, account, pacer, log, hasWork });
    const ledgers = () => [...this.batches.values()].map(({ ledger }) => ledger);
    this.standstillWatch = new StandstillWatch({ account, clock, log, ledgers });
  }

  /** Makes the limits known before the first request, and lifts a halt: the person has acted. */
  async start(): Promise<void> {
    await this.beat();
    await this.options.account.unhalt();
    this.heart = setInterval(() => {
      this.beat().catch((error: unknown) => {
        this.options.log.debug({ err: error }, 'heartbeat did not get through');
      });
    }, heartbeatMs);
    this.aroundTimer = setInterval(() => this.lookAround(), lookAroundMs);
    for (const loop of this.loops.values()) loop.start();
    this.tally.start();
    this.walletWatch.start();
    this.standstillWatch.start();
  }

  has(batch: string): boolean {
    return this.batches.has(batch);
  }

  /** Why nothing is done for a batch of this process any more; null where its state is there. */
  lossOf(batch: string): BatchError | null {
    return this.batches.get(batch)?.loss ?? null;
  }

  /** Whether it works on this life of the batch, and not on an earlier one that Redis has lost. */
  hasLife({ name, createdAt }: Pick<BatchMeta, 'name' | 'createdAt'>): boolean {
    return this.batches.get(name)?.createdAt === createdAt;
  }

  /** Whether it writes the lines of a batch of this process, whose folder is here then. */
  writesLines(batch: string): boolean {
    return this.batches.get(batch)?.writesLines ?? false;
  }

  get attached(): string[] {
    return [...this.batches.keys()];
  }

  get condition(): Condition {
    if (this.stopping.signal.aborted) return 'stopping';
    return this.options.clock.now() - this.beatAtMs > silentAfterMs ? 'redis_silent' : 'ready';
  }

  /**
   * @param header what the batch is, as its journal says
   * @param place where results go; null where this process has no `collect` stage
   */
  async attach(
    header: JournalHeader,
    place: BatchPlace | null,
    notify: Notify,
  ): Promise<BatchWorker> {
    const { connection, prefix, account, stages, log, clock } = this.options;
    const { categoryOf, priceOf, keyLifeMs, fillDraft, fetchStored } = this.options;
    const { downloader, pacer, pollPlanner, notices, history } = this;
    const { batch, nonce, createdAt } = header;
    const ledger = new BatchLedger(connection, prefix, batch, account);
    const out = place?.lines === 'here' ? place.folder : null;
    const shelf = place === null ? null : await shelfAt(place.folder);
    const journal = out === null ? null : await Journal.open(out, header);
    const worker = new BatchWorker({
      header,
      connection,
      prefix,
      stages,
      out,
      shelf,
      isFull: (stage) => this.loops.get(stage)?.isFull ?? true,
      onActivity: () => this.tellActivity(),
      context: {
        batch,
        nonce,
        createdAt,
        ledger,
        account,
        journal,
        client: countRefusals(this.client, ledger),
        downloader,
        downloads: this.downloads,
        pacer,
        pollPlanner,
        notices,
        history,
        thumbnails: this.thumbnails,
        clock,
        machine: machineTime,
        log: log.child({ batch }),
        notify,
        stopping: this.stopping.signal,
        categoryOf,
        priceOf,
        defaultInFlight,
        keyLifeMs,
        fillDraft,
        fetchStored,
        briefsLeft: () => this.briefsLeft,
      },
    });
    this.batches.set(batch, worker);
    try {
      await worker.start();
    } catch (error) {
      // Not attached by half: whoever serves batches tries again.
      this.batches.delete(batch);
      await worker.abandon();
      throw error;
    }
    for (const feed of worker.feeds) this.loops.get(feed.stage)?.add(feed);
    return worker;
  }

  async detach(batch: string): Promise<void> {
    const worker = this.batches.get(batch);
    this.batches.delete(batch);
    for (const feed of worker?.feeds ?? []) this.loops.get(feed.stage)?.remove(feed);
    await worker?.close();
  }

  /** The API hints that a task is over: its check comes at once, whichever process put it off. */
  async hasten({ batch, briefId }: TaskBrief, taskId: string): Promise<Hastened> {
    const { connection, prefix, account, clock } = this.options;
    const { briefs } = new BatchLedger(connection, prefix, batch, account);
    const state = (await briefs.read(briefId))?.state;
    if (state?.stage !== 'accepted' || state.taskId !== taskId) return 'over';
    const { attempt, runningAt } = state;
    const withinMs = runningAt === null ? 0 : runningAt + afterLookMs - clock.now();
    const attached = this.batches.get(batch);
    const queues = attached?.queues ?? new StageQueues(connection, prefix, batch);
    try {
      const hastened = await queues.hasten(briefId, attempt, Math.max(0, withinMs));
      return hastened === 'not_put_off' ? 'in_hand' : hastened;
    } finally {
      if (!attached) await queues.close();
    }
  }

  private get briefsLeft(): number {
    return [...this.batches.values()].reduce((sum, { left }) => sum + left, 0);
  }

  /** Called when something was done here, or told by others. @returns a function that takes the listener off again */
  onActivity(listener: () => void): () => void {
    this.activity.add(listener);
    return () => this.activity.delete(listener);
  }

  /** Stops taking jobs, finishes what is under way within `deadlineMs`, hands back the rest. */
  async close(deadlineMs: number): Promise<void> {
    clearInterval(this.heart);
    clearInterval(this.aroundTimer);
    this.news.close();
    this.stopping.abort();
    const workers = [...this.batches.values()];
    const closed = Promise.all([
      this.walletWatch.stop(),
      this.standstillWatch.stop(),
      ...[...this.loops.values()].map((loop) => loop.stop()),
      ...this.attached.map((batch) => this.detach(batch)),
    ]);
    const late = new Promise<'late'>((resolve) => {
      setTimeout(() => resolve('late'), deadlineMs).unref();
    });
    if ((await Promise.race([closed, late])) === 'late') {
      await Promise.all(workers.map((worker) => worker.abandon()));
    }
    await this.tally.stop();
    await this.thumbnails.settle(thumbnailsMs);
    await Promise.all([this.durations.tell(), this.notices.tell(), this.history.tell()]);
    await this.options.account.leave(this.id);
  }

  private hear(news: News): void {
    switch (news.about) {
      case 'batch':
        this.batches.get(news.name)?.news();
        break;
      case 'account':
        if (news.name === this.options.account.account) this.loops.get('submit')?.news();
        break;
      case 'all':
        // Redis may be another one since, or itself at an earlier time.
        for (const batch of this.batches.values()) batch.redisCameBack();
        for (const loop of this.loops.values()) loop.news();
        break;
      case 'messages':
        // For whoever tells them.
        return;
      default:
        news satisfies never;
    }
    this.tellActivity();
  }

  private tellActivity(): void {
    for (const listener of this.activity) listener();
  }

  private lookAround(): void {
    const [batch] = this.batches;
    if (batch === undefined) return;
    const [name, worker] = batch;
    // To the end of the line.
    this.batches.delete(name);
    this.batches.set(name, worker);
    worker.news();
    // Nor must a job be left behind for good because it was looked for too soon.
    worker.suspect();
  }

  private async beat(): Promise<void> {
    const { account, limits, clock } = this.options;
    const others = new Set(await account.heartbeat(this.id, limits, this.options.hints));
    const gone = [...this.others].some((other) => !others.has(other));
    this.others = others;
    // What it had in hand is left behind, unless it has left in order.
    if (gone) for (const batch of this.batches.values()) batch.suspect();
    this.beatAtMs = clock.now();
    await this.lookAtTimeOfDay();
    await this.lookAtEvictions();
  }

  /** Only where Redis deletes keys at all. */
  private async lookAtEvictions(): Promise<void> {
    if (!this.evicting || this.beats++ % beatsPerLook !== 0) return;
    const evictions = await readEvictions(this.options.connection);
    this.evicting = evictions !== null;
    if (evictions === null || evictions.keys === 0) return;
    for (const batch of this.batches.values()) await batch.keysWereDeleted();
  }

  private async lookAtTimeOfDay(): Promise<void> {
    const before = this.seen;
    this.seen = machineTime();
    if (!wasSetBack(before, this.seen)) return;
    for (const batch of this.batches.values()) await batch.timeWasSetBack();
  }
}
