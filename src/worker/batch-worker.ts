import type { Redis } from 'ioredis';
import { addMissingJobs } from '../batch/add-jobs.js';
import { adoptFolder, refuseOutdated } from '../batch/adopt-folder.js';
import { announceApproval } from '../batch/announce.js';
import { finalizeBatch } from '../batch/end-batch.js';
import { keepFolder, leaveKeptFolder } from '../batch/keep-folder.js';
import { ManifestWriter } from '../batch/manifest-writer.js';
import { atRest, dropSettled, restoreResults, settleSteps, takeVerdicts } from '../batch/steps.js';
import type { BatchLedger } from '../ledger/batch-ledger.js';
import { type BatchMeta, cappedBy } from '../ledger/batch-meta.js';
import { readEvictions } from '../ledger/explain-loss.js';
import { decisionsMark } from '../results/decisions.js';
import { Journal, type JournalHeader } from '../results/journal.js';
import { fetchDecisions, hasUnpublished, publish } from '../results/mirror.js';
import { FolderWatch } from '../results/output-folder.js';
import { systemClock } from '../shared/clock.js';
import type { BatchError } from '../shared/errors.js';
import type { PictureSize } from '../shared/picture-size.js';
import type { QueueStage } from '../shared/queue-names.js';
import { StageQueues } from '../shared/queues.js';
import { together } from '../shared/together.js';
import { type Miss, StageFeed } from './stage-feed.js';
import { dispatch } from './stages/dispatch.js';
import { BucketShelf, type ResultShelf } from './stages/result-shelf.js';
import { giveUpBrief } from './stages/settle.js';
import type { ResultFolder, Seat, StageContext, StageJob, Step } from './stages/step.js';

export interface BatchWorkerOptions {
  context: Omit<
    StageContext,
    'folder' | 'shelf' | 'noteFileTrouble' | 'restoreResults' | 'hearVerdicts' | 'minSize'
  >;
  /** What the batch is, as its journal says. */
  header: JournalHeader;
  connection: Redis;
  prefix: string;
  stages: readonly QueueStage[];
  /** The batch's folder, of which this process writes lines and notes; null where it is elsewhere. */
  out: string | null;
  /** Where result files are kept; null where this process has no `collect` stage. */
  shelf: ResultShelf | null;
  /** Whether this process has no hands free for a stage. */
  isFull(stage: QueueStage): boolean;
  /** Something was done for this batch. */
  onActivity(): void;
}

/** Longer than a job of ours is put off, but for what the API asks for by name. */
const furthestDelayMs = 90_000;

/** Whether the folder is in its place is looked at this often, on the disk alone. */
const lookForFolderMs = 1_000;

/** Lines are written together with those that follow so soon: a line is synced with its group. */
const tendAfterMs = 300;
/** To a bucket it is put as a whole: no sooner than this, and for at most a part of the time. */
const putAfterMs = 2_000;
const partOfTime = 10;
const longestPutAfterMs = 60_000;
/** Whoever keeps the folder of a bucket says so again, and puts what was noted without any line. */
const keepAfterMs = 5_000;

/** All stages of one batch in this process: wires, starts, tends and stops them. */
export class BatchWorker {
  private readonly context: StageContext;
  readonly queues: StageQueues;
  /** One for each stage of this process: its loops take jobs from them. */
  readonly feeds: readonly StageFeed[];
  private readonly writer: ManifestWriter | null;
  private readonly folder: FolderWatch | null;
  private folderIsAway = false;
  private elsewhereNoted = false;
  /** Why a file could not be fetched since that was last told. */
  private fileTrouble: string | null = null;
  /** Ms on this machine's own clock. */
  private keptAtMs = Number.NEGATIVE_INFINITY;
  /** The machine that keeps the folder in place of this one. */
  private keptBy: string | null = null;
  private tendedAtMs = Number.NEGATIVE_INFINITY;
  private tendedForMs = 0;
  private lost: BatchError | null = null;
  private hadTooFewJobs = false;
  /** The line over which Redis was compared with the folder: behind another one, it may be itself at an earlier time. */
  private comparedOver: Redis['stream'];
  private readonly closing = new AbortController();
  private tending: Promise<void> = Promise.resolve();
  private tendTimer: NodeJS.Timeout | undefined;
  private folderTimer: NodeJS.Timeout | undefined;
  /** Lines were made here that whoever has the folder has not been told of. */
  private linesElsewhere = false;
  /** Briefs of it that have no line, as last read; nobody knows how many while it is admitted. */
  left = Number.POSITIVE_INFINITY;
  /** Which decisions of people were taken last, and at which admission of the batch. */
  private heard = { mark: '', admissions: 0 };
  /** Nothing of it moves before there are others. */
  private awaitsDecisions = false;
  /** What its pictures have to have, as last seen; undefined before the first look. */
  private minSize: PictureSize | null | undefined;
  /** What its caps allow, as last seen. */
  private capsSeen: string | null = null;

  constructor(private readonly options: BatchWorkerOptions) {
    const { connection, prefix, stages, out, shelf, header } = options;
    this.comparedOver = connection.stream;
    const folder = out === null ? null : this.resultFolder(out);
    const { notify } = options.context;
    const context: StageContext = {
      ...options.context,
      folder,
      shelf,
      noteFileTrouble: (reason) => {
        this.fileTrouble = reason;
      },
      restoreResults: together(async () => {
        if (out === null) return;
        await restoreResults(options.context.ledger, out);
        // What was decided on these is taken with them.
        this.heard = { mark: '', admissions: 0 };
      }),
      minSize: async () => {
        if (this.minSize === undefined) {
          const meta = await options.context.ledger.meta();
          this.minSize ??= meta?.minSize ?? null;
        }
        return this.minSize;
      },
      hearVerdicts: together(async () => {
        if (out !== null) await this.hear(out, this.heard.admissions);
      }),
      notify: (notice) => {
        if (notice.kind === 'lined') {
          this.linesElsewhere = this.writer === null;
          this.expectLines();
        }
        notify(notice);
      },
    };
    this.context = context;
    this.queues = new StageQueues(connection, prefix, context.batch, (stage, duesMs) => {
      const feed = this.feed(stage);
      for (const dueMs of duesMs) feed?.expectJobAt(dueMs);
      // Whoever has hands free takes it, where this process has none.
      if (!feed || options.isFull(stage)) return this.queues.tell();
    });
    const { ledger } = context;
    this.writer = out === null ? null : new ManifestWriter({ ledger, queues: this.queues, out });
    this.folder =
      out === null || context.journal === null ? null : new FolderWatch(out, header.batch);
    this.feeds = stages.map(
      (stage) =>
        new StageFeed({
          stage,
          queues: this.queues,
          clock: systemClock,
          log: context.log,
          work: async (job, seat) => {
            const step = await this.work(stage, job, seat);
            this.options.onActivity();
            return step;
          },
          release: (briefIds) => settleSteps({ ledger, queues: this.queues }, briefIds),
          giveUp: (job, reason) => giveUpBrief(this.context, stage, job, reason),
          lookForLoss: (found) => this.lookForLoss(found),
          mendJobs: () => addMissingJobs({ ledger: context.ledger, queues: this.queues }),
        }),
    );
  }

  get batch(): string {
    return this.context.batch;
  }

  get ledger(): BatchLedger {
    return this.context.ledger;
  }

  get writesLines(): boolean {
    return this.writer !== null;
  }

  get createdAt(): number {
    return this.context.createdAt;
  }

  /** Mends what a crash may have left, then tends the manifest until closed. */
  async start(): Promise<void> {
    const { ledger } = this.context;
    await ledger.repairInFlight();
    // Said before the first send, so that whoever has the folder can note it in the journal.
    if (this.writer === null && this.options.stages.includes('submit')) {
      await ledger.set({ elsewhere: 1 });
    }
    await this.queues.bringForward(furthestDelayMs, systemClock.now());
    for (const feed of this.feeds) {
      await feed.sweepFailed();
      feed.suspect();
    }
    if (this.folder !== null) {
      this.folderTimer = setInterval(() => void this.lookForFolder(), lookForFolderMs);
    }
    this.expectLines();
  }

  /** Something has changed for this batch, somewhere: jobs, a cap, a pause, lines. */
  news(): void {
    for (const feed of this.feeds) {
      if (!this.folderIsAway || feed.stage === 'status') feed.news();
    }
    this.expectLines();
  }

  /** What another process had in hand may be left behind. */
  suspect(): void {
    for (const feed of this.feeds) {
      feed.suspect();
      // Nor does anybody else know when what it put off is due.
      feed.expectJobs();
    }
  }

  /** A finished line may wait to be written, or the closing files: soon, together with what follows it. */
  expectLines(): void {
    if (this.closing.signal.aborted) return;
    this.tendTimer ??= setTimeout(() => {
      this.tendTimer = undefined;
      this.tending = this.tending.then(() => this.tendOrTell());
    }, this.tendAfterMs());
  }

  private tendAfterMs(): number {
    if (!this.isMirror) return tendAfterMs;
    const afterMs = Math.min(
      longestPutAfterMs,
      Math.max(putAfterMs, this.tendedForMs * partOfTime),
    );
    return Math.max(tendAfterMs, this.tendedAtMs + afterMs - this.nowMs());
  }

  /** Of a bucket; what is put together with what. */
  private get isMirror(): boolean {
    const { out, shelf } = this.options;
    return out !== null && shelf instanceof BucketShelf;
  }

  private nowMs(): number {
    return this.context.machine().steadyMs;
  }

  private feed(stage: QueueStage): StageFeed | undefined {
    return this.feeds.find((feed) => feed.stage === stage);
  }

  /** Why nothing is done for this batch any more; null while its state is there. */
  get loss(): BatchError | null {
    return this.lost;
  }

  /**
   * The one place that finds Redis to have lost this batch's state: told once, and from then on nothing is done for it
   * in this process. A batch that was queued anew under its name is no loss.
   * @param found `no_job`: a job without what it carries, which is lost even where the ledger is whole; an `empty_job` may
   * have been left behind by two who began at once, and is lost where Redis deletes keys
   */
  async lookForLoss(found: Miss): Promise<'lost' | 'whole'> {
    if (this.lost) return 'lost';
    const { ledger, createdAt } = this.context;
    const missing = await ledger.findMissing();
    const meta = missing === 'whole' || missing === 'state' ? await ledger.meta() : null;
    if (meta && meta.createdAt !== createdAt) return 'whole';
    if (missing === 'whole' && found !== 'no_job' && !(await this.mayBeDeleted(found))) {
      return 'whole';
    }
    const loss = await ledger.explainLoss();
    // Another stage may have found it meanwhile.
    if (this.lost) return 'lost';
    this.lost = loss;
    this.context.notify({ kind: 'state_lost', reason: loss.message });
    this.closing.abort();
    this.endTimers();
    for (const feed of this.feeds) feed.abandon();
    // Whoever serves batches lets go of it.
    void ledger.tell().catch(() => undefined);
    return 'lost';
  }

  private async mayBeDeleted(found: Miss): Promise<boolean> {
    if (found !== 'empty_job') return false;
    return ((await readEvictions(this.options.connection))?.keys ?? 0) > 0;
  }

  /** Redis has deleted keys: jobs may be among them, without which nobody comes by to miss anything. */
  async keysWereDeleted(): Promise<void> {
    const { ledger } = this.context;
    if ((await this.lookForLoss('trouble')) === 'lost') return;
    const meta = await ledger.meta();
    if (meta === null || meta.stage === 'admitting' || (await ledger.reopened.any())) return;
    const tooFew = (await this.queues.count()) < meta.pending;
    if (tooFew && this.hadTooFewJobs) await this.lookForLoss('no_job');
    this.hadTooFewJobs = tooFew;
  }

  /** The connection was lost and came back. */
  redisCameBack(): void {
    this.suspect();
    this.news();
  }

  /** The machine's time of day was set back: what is put off would come later by as much. */
  async timeWasSetBack(): Promise<void> {
    await this.queues.bringForward(0, systemClock.now());
    this.news();
  }

  /** Finishes what is under way, writes what is finished, and leaves the rest in the queues. */
  async close(): Promise<void> {
    await Promise.all(this.feeds.map((feed) => feed.close()));
    this.closing.abort();
    this.endTimers();
    await this.tending;
    await this.tendOrTell();
    await this.queues.close();
    await this.context.journal?.close();
    if (this.isMirror) await this.leaveMirror();
  }

  /** What was noted since is put, and another machine may keep the folder at once. */
  private async leaveMirror(): Promise<void> {
    const { out } = this.options;
    if (out === null || this.folderIsAway) return;
    try {
      await publish(out);
      await leaveKeptFolder(this.context.ledger, out);
    } catch (error) {
      this.context.log.warn({ err: error }, 'what was noted last is not in the bucket yet');
    }
  }

  /** Leaves at once; other workers pick up what was under way. */
  async abandon(): Promise<void> {
    this.closing.abort();
    this.endTimers();
    for (const feed of this.feeds) feed.abandon();
  }

  private endTimers(): void {
    clearTimeout(this.tendTimer);
    clearInterval(this.folderTimer);
  }

  /** Writes finished lines now, and the closing files when they are due. */
  async tend(): Promise<'finalized' | 'not_yet'> {
    const { context } = this;
    const { out } = this.options;
    if (this.lost) return 'not_yet';
    const meta = await context.ledger.meta();
    if (meta === null) await this.lookForLoss('trouble');
    else this.noteSight(meta);
    await this.tellFileTrouble();
    if (!this.writer || out === null) {
      // Whoever has the folder does not know of a line that was made here.
      if (this.linesElsewhere) await context.ledger.tell();
      this.linesElsewhere = false;
      return 'not_yet';
    }
    // Lines of a later life, queued anew after a lost Redis, do not belong into this folder.
    if (meta?.createdAt !== this.createdAt) return 'not_yet';
    if (!(await this.folderIsHere())) return 'not_yet';
    await this.noteElsewhere(meta);
    const batch = { ledger: context.ledger, queues: this.queues, out };
    const { stream: line } = this.options.connection;
    if (line !== this.comparedOver) {
      refuseOutdated(await adoptFolder(batch), batch);
      // Another one since is for the next time.
      this.comparedOver = line;
      this.news();
    }
    await this.writer.flush();
    await this.tendSteps(meta, out);
    const ended = await finalizeBatch(context.ledger, out, context.clock);
    this.options.onActivity();
    return ended;
  }

  /** Takes what people have decided in the folder, and finds out whether all that is left waits for that. */
  private async tendSteps(meta: BatchMeta, out: string): Promise<void> {
    if (meta.outputs.length === 0) return;
    const batch = { ledger: this.context.ledger, queues: this.queues };
    // None was left when that was read: steps may have been admitted since.
    if (meta.pending === 0) return dropSettled(batch);
    // A step that was admitted since may wait for what was decided before.
    await this.hear(out, meta.admissions);
    const awaited = await atRest(batch, meta);
    this.awaitsDecisions = awaited !== null;
    if (awaited === null) return;
    const { count, first } = awaited;
    this.context.notify({ kind: 'approval_awaited', count, first });
    const { ledger, clock } = this.context;
    await announceApproval(ledger, meta, awaited, clock.now());
  }

  /** Takes what people have decided in the folder, where that is something else than what was taken. */
  private async hear(out: string, admissions: number): Promise<void> {
    const mark = await decisionsMark(out);
    if (mark === this.heard.mark && admissions === this.heard.admissions) return;
    await takeVerdicts({ ledger: this.context.ledger, queues: this.queues }, out);
    this.heard = { mark, admissions };
  }

  private async noteElsewhere(meta: BatchMeta): Promise<void> {
    const { journal } = this.context;
    if (this.elsewhereNoted || !journal || !meta.elsewhere) return;
    await journal.note({ elsewhere: true });
    this.elsewhereNoted = true;
  }

  /** Not with each file: whoever is told, or looks, learns how many there are. */
  private async tellFileTrouble(): Promise<void> {
    const reason = this.fileTrouble;
    if (reason === null) return;
    this.fileTrouble = null;
    const { ledger, notify } = this.context;
    await ledger.noteFileTrouble(reason);
    const { delayed } = await this.queues.counts('collect');
    // The one that was met may still be on its way into the queue.
    notify({ kind: 'files_due', reason, count: Math.max(1, delayed) });
  }

  private noteSight(meta: BatchMeta): void {
    this.left = meta.stage === 'admitting' ? Number.POSITIVE_INFINITY : meta.pending;
    this.minSize = meta.minSize;
    for (const feed of this.feeds) feed.priority = meta.priority;
    const { maxCredits, maxCreditsPerDay, spent, reserved } = meta;
    const caps = JSON.stringify([maxCredits, maxCreditsPerDay, spent, reserved, cappedBy(meta)]);
    // A cap that was raised, or has room again, without any news of it.
    if (this.capsSeen !== null && caps !== this.capsSeen) this.feed('submit')?.shutUntil(0);
    this.capsSeen = caps;
  }

  private async lookForFolder(): Promise<void> {
    const wasAway = this.folderIsAway;
    const isHere = await this.folderIsHere().catch(() => false);
    if (isHere && wasAway) this.news();
    if (isHere && this.awaitsDecisions) await this.lookForDecisions();
  }

  private async lookForDecisions(): Promise<void> {
    const { out } = this.options;
    const mark = out === null ? '' : await decisionsMark(out).catch(() => '');
    if (mark !== this.heard.mark) this.expectLines();
  }

  /** Lines that cannot be written wait in the ledger; neither work nor a shutdown stops for them. */
  private async tendOrTell(): Promise<void> {
    const beganMs = this.nowMs();
    await this.tend()
      .finally(() => {
        this.tendedAtMs = this.nowMs();
        this.tendedForMs = this.tendedAtMs - beganMs;
      })
      .catch(async (error: unknown) => {
        if (this.folderIsAway || !(await this.folderIsHere())) return;
        const reason = error instanceof Error ? error.message : String(error);
        this.context.notify({ kind: 'output_trouble', reason });
      });
  }

  /**
   * Whether the folder is in its place: where it is not, nothing is downloaded, and nothing is sent, because it could not
   * be noted (S1). Told when it goes and when it comes back; paid tasks are watched meanwhile (S3).
   */
  private readonly folderIsHere = together(() => this.lookAtFolder());

  private async lookAtFolder(): Promise<boolean> {
    const { context } = this;
    const { out } = this.options;
    if (this.folder === null || out === null) return true;
    const sight = (await this.isKept(out)) ? await this.folder.look() : 'away';
    if (sight === 'same_files_anew') {
      const { journal } = context;
      context.journal = await Journal.open(out, this.options.header);
      await journal?.close();
    }
    const isAway = sight === 'away';
    if (isAway !== this.folderIsAway) {
      this.folderIsAway = isAway;
      // Paid tasks are watched all the same (S3).
      const untilMs = isAway ? Number.POSITIVE_INFINITY : 0;
      for (const stage of ['submit', 'collect'] as const) this.feed(stage)?.shutUntil(untilMs);
      if (isAway && this.keptBy !== null)
        context.notify({ kind: 'kept_elsewhere', machine: this.keptBy });
      else context.notify({ kind: isAway ? 'folder_away' : 'folder_back', out });
    }
    return !isAway;
  }

  /** One in a bucket is here as long as no other machine has it: that is asked, and said, now and then. */
  private async isKept(out: string): Promise<boolean> {
    if (!this.isMirror) return true;
    if (this.nowMs() < this.keptAtMs + keepAfterMs) return !this.folderIsAway;
    const { ledger } = this.context;
    const kept = await keepFolder(ledger, out, 'worker');
    this.keptAtMs = this.nowMs();
    this.keptBy = kept.kind === 'elsewhere' ? kept.machine : null;
    if (kept.kind === 'here') this.expectNotes(out);
    if (kept.kind === 'here' && this.awaitsDecisions) await fetchDecisions(out);
    return kept.kind === 'here';
  }

  /** Where nothing has its line for a while, what was noted is put all the same. */
  private expectNotes(out: string): void {
    if (this.nowMs() < this.tendedAtMs + keepAfterMs) return;
    void hasUnpublished(out).then(
      (has) => has && this.expectLines(),
      () => undefined,
    );
  }

  private async work(stage: QueueStage, job: StageJob, seat: Seat): Promise<Step> {
    const work = () => dispatch(this.context, stage, job, seat);
    if (stage === 'status') return work();
    // None is taken until it is back, and none sent that it may know of.
    const awaited: Step = { kind: 'hold', of: 'batch', waitMs: Number.POSITIVE_INFINITY };
    if (!(await this.folderIsHere())) return awaited;
    if (stage === 'submit' && this.context.folder?.comparedOver() === null) {
      this.expectLines();
      return awaited;
    }
    try {
      return await work();
    } catch (error) {
      // It may have gone in the middle.
      if (await this.folderIsHere()) throw error;
      return awaited;
    }
  }

  private resultFolder(path: string): ResultFolder {
    return {
      path,
      isHere: () => this.folderIsHere(),
      comparedOver: () => {
        const { stream } = this.options.connection;
        return stream === this.comparedOver ? stream : null;
      },
    };
  }
}
