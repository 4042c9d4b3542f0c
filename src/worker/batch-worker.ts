import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { LimitFunction } from 'p-limit';
import { adoptFolder, refuseOutdated } from '../batch/adopt-folder.js';
import { finalizeBatch } from '../batch/end-batch.js';
import { ManifestWriter } from '../batch/manifest-writer.js';
import type { BatchMeta } from '../ledger/batch-meta.js';
import { Journal, type JournalHeader } from '../results/journal.js';
import { FolderWatch } from '../results/output-folder.js';
import { systemClock } from '../shared/clock.js';
import type { BatchError } from '../shared/errors.js';
import { type QueueStage, StageQueues } from '../shared/queues.js';
import { StageWorker } from './stage-worker.js';
import { dispatch } from './stages/dispatch.js';
import { SubmitGate } from './stages/permit.js';
import { giveUpBrief } from './stages/settle.js';
import type { ResultFolder, StageContext, StageJob, Step } from './stages/step.js';

export interface BatchWorkerOptions {
  context: Omit<StageContext, 'folder'>;
  /** What the batch is, as its journal says. */
  header: JournalHeader;
  connection: Redis;
  prefix: string;
  stages: readonly QueueStage[];
  /** Where this process writes results; null where it has no `collect` stage. */
  out: string | null;
  /** Requests at once, per stage, over all batches of this process. */
  slots: Record<'submit' | 'status', LimitFunction>;
}

/** Longer than a job of ours is put off, but for what the API asks for by name. */
const furthestDelayMs = 90_000;

const lookForFolderMs = 1_000;

/** How often lines of other machines, and a crash before the last file was written, are looked for. */
const tendEveryMs = 500;

/** All stages of one batch in this process: wires, starts, tends and stops them. */
export class BatchWorker {
  private readonly context: StageContext;
  private readonly queues: StageQueues;
  private readonly workers: StageWorker[];
  private readonly writer: ManifestWriter | null;
  private readonly gate: SubmitGate;
  private readonly folder: FolderWatch | null;
  private folderIsAway = false;
  private elsewhereNoted = false;
  /** Why a file could not be fetched since that was last told. */
  private fileTrouble: string | null = null;
  private lost: BatchError | null = null;
  private hadTooFewJobs = false;
  /** How often the connection came back, and after which of these the folder was compared: Redis may be another one since. */
  private reconnections = 0;
  private comparedAfter = 0;
  private readonly closing = new AbortController();
  private tending: Promise<void> = Promise.resolve();

  constructor(private readonly options: BatchWorkerOptions) {
    const { connection, prefix, stages, out, header, slots } = options;
    const folder = out === null ? null : this.resultFolder(out);
    const context = { ...options.context, folder };
    this.context = context;
    this.queues = new StageQueues(connection, prefix, context.batch);
    this.gate = new SubmitGate(context);
    const { ledger } = context;
    this.writer = out === null ? null : new ManifestWriter({ ledger, queues: this.queues, out });
    this.folder =
      out === null || context.journal === null ? null : new FolderWatch(out, header.batch);
    this.workers = stages.map(
      (stage) =>
        new StageWorker({
          stage,
          queues: this.queues,
          connection,
          concurrency: stage === 'collect' ? context.downloads.most : slots[stage].concurrency,
          clock: systemClock,
          log: context.log,
          work: (job) => this.work(stage, job),
          giveUp: (job, reason) => giveUpBrief(this.context, stage, job, reason),
          lookForLoss: (found) => this.lookForLoss(found),
        }),
    );
  }

  get batch(): string {
    return this.context.batch;
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
    for (const worker of this.workers) await worker.sweepFailed();
    this.tending = this.tendUntilClosed();
  }

  /** Why nothing is done for this batch any more; null while its state is there. */
  get loss(): BatchError | null {
    return this.lost;
  }

  /**
   * The one place that finds Redis to have lost this batch's state: told once, and from then on nothing is done for it
   * in this process. A batch that was queued anew under its name is no loss.
   * @param found `no_job`: a job without what it carries, which is lost even where the ledger is whole
   */
  async lookForLoss(found: 'no_job' | 'no_brief' | 'trouble'): Promise<'lost' | 'whole'> {
    if (this.lost) return 'lost';
    const { ledger, createdAt } = this.context;
    const missing = await ledger.findMissing();
    const meta = missing === 'whole' || missing === 'state' ? await ledger.meta() : null;
    if (meta && meta.createdAt !== createdAt) return 'whole';
    if (missing === 'whole' && found !== 'no_job') return 'whole';
    const loss = await ledger.explainLoss();
    // Another stage may have found it meanwhile.
    if (this.lost) return 'lost';
    this.lost = loss;
    this.context.notify({ kind: 'state_lost', reason: loss.message });
    this.closing.abort();
    for (const worker of this.workers) void worker.abandon();
    return 'lost';
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
    this.reconnections += 1;
  }

  /** The machine's time of day was set back: what is put off would come later by as much. */
  async timeWasSetBack(): Promise<void> {
    await this.queues.bringForward(0, systemClock.now());
  }

  /** Finishes what is under way, writes what is finished, and leaves the rest in the queues. */
  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()));
    this.closing.abort();
    await this.tending;
    await this.tendOrTell();
    await this.queues.close();
    await this.context.journal?.close();
  }

  /** Leaves at once; other workers pick up what was under way. */
  async abandon(): Promise<void> {
    this.closing.abort();
    await Promise.all(this.workers.map((worker) => worker.abandon()));
  }

  /** Writes finished lines now, and the closing files when they are due. */
  async tend(): Promise<'finalized' | 'not_yet'> {
    const { context } = this;
    const { out } = this.options;
    if (this.lost || !this.writer || out === null) return 'not_yet';
    const meta = await context.ledger.meta();
    if (meta === null) await this.lookForLoss('trouble');
    // Lines of a later life, queued anew after a lost Redis, do not belong into this folder.
    if (meta?.createdAt !== this.createdAt) return 'not_yet';
    if (!(await this.folderIsHere())) return 'not_yet';
    await this.noteElsewhere(meta);
    await this.tellFileTrouble();
    const batch = { ledger: context.ledger, queues: this.queues, out };
    const { reconnections } = this;
    if (reconnections !== this.comparedAfter) {
      refuseOutdated(await adoptFolder(batch), batch);
      // One that came back while this went on is for the next time.
      this.comparedAfter = reconnections;
    }
    await this.writer.flush();
    return finalizeBatch(context.ledger, out, context.clock);
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

  private async tendUntilClosed(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      await sleep(tendEveryMs, undefined, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      await this.tendOrTell();
    }
  }

  /** Lines that cannot be written wait in the ledger; neither work nor a shutdown stops for them. */
  private async tendOrTell(): Promise<void> {
    await this.tend().catch(async (error: unknown) => {
      if (this.folderIsAway || !(await this.folderIsHere())) return;
      const reason = error instanceof Error ? error.message : String(error);
      this.context.notify({ kind: 'output_trouble', reason });
    });
  }

  /**
   * Whether the folder is in its place: where it is not, nothing is downloaded, and nothing is sent, because it could not
   * be noted (S1). Told when it goes and when it comes back; paid tasks are watched meanwhile (S3).
   */
  private async folderIsHere(): Promise<boolean> {
    const { context } = this;
    const { out } = this.options;
    if (this.folder === null || out === null) return true;
    const sight = await this.folder.look();
    if (sight === 'same_files_anew') {
      const { journal } = context;
      context.journal = await Journal.open(out, this.options.header);
      await journal?.close();
    }
    const isAway = sight === 'away';
    if (isAway !== this.folderIsAway) {
      this.folderIsAway = isAway;
      context.notify({ kind: isAway ? 'folder_away' : 'folder_back', out });
    }
    return !isAway;
  }

  private async work(stage: QueueStage, job: StageJob): Promise<Step> {
    const { slots } = this.options;
    const work = () => dispatch(this.context, this.gate, stage, job);
    if (stage === 'status') return slots.status(work);
    const awaited: Step = { kind: 'hold', waitMs: lookForFolderMs };
    if (!(await this.folderIsHere())) return awaited;
    try {
      return await (stage === 'submit' ? slots.submit(work) : work());
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
      noteTrouble: (reason) => {
        this.fileTrouble = reason;
      },
    };
  }
}
