import type { CancelCounts } from '../batch/end-batch.js';
import { localOutput } from '../batch/open-batch.js';
import { countReopened, type ReopenCounts } from '../batch/reopen.js';
import { folderToRetry, isChosen, type RetryChoice, retryBatch } from '../batch/retry.js';
import { cancelBatch, pauseBatch, resumeBatch, type SteeredBatch } from '../batch/steer.js';
import type { AccountLedger } from '../ledger/account-ledger.js';
import type { BatchLedger } from '../ledger/batch-ledger.js';
import { type BatchMeta, batchState, isPaused } from '../ledger/batch-meta.js';
import { ownLine, readManifest } from '../results/manifest.js';
import { type RunReport, runReport } from '../results/run-report.js';
import { userOfMachine } from '../session/environment.js';
import { lastModels } from '../session/model-list.js';
import { batchContext, type StoreSession } from '../session/store-session.js';
import { BatchError } from '../shared/errors.js';
import type { LineStatus, ManifestLine } from '../shared/manifest-line.js';
import { type Connection, connect } from './connection.js';

/** Where a batch stands: `run.json`, and what is only known while it runs. */
export interface BatchStatus extends RunReport {
  /** Such as `running`, `paused`, `finished`. */
  stage: ReturnType<typeof batchState>;
  /** Absolute folder of its results; '' while no worker has chosen one. */
  out: string;
  paused: boolean;
  /** Lines of finished briefs that are not in the manifest yet. */
  unwritten: number;
  /** Credits held for tasks that are not known to be over. */
  reserved: number;
}

/** A line, and where to go on behind it. */
export interface BatchLine {
  line: ManifestLine;
  /** For `since`. */
  cursor: string;
}

/** What a retry would do, and for how many credits. */
export type RetryPrice = Omit<ReopenCounts, 'total'>;

export interface RetryOptions {
  /** Absent: `failed` and `unknown`; with `codes`, all but `succeeded`; with `ids`, all. */
  statuses?: readonly LineStatus[];
  /** Error codes, such as `nsfw`. */
  codes?: readonly string[];
  /** Those that succeeded as well: they are made anew. */
  ids?: readonly string[];
  /** Asked before anything is changed; nothing is where it says no. Absent: it goes on whatever it costs. */
  agree?(price: RetryPrice): boolean | Promise<boolean>;
}

export type Retried =
  /** `opened` is less than was told where some have changed meanwhile. */
  | ({ kind: 'opened'; opened: number } & RetryPrice)
  | ({ kind: 'not_agreed' } & RetryPrice)
  | { kind: 'nothing' };

/** A batch that is there; holds a connection until it is closed. */
export class Batch {
  private constructor(
    private readonly session: StoreSession,
    private readonly ledger: BatchLedger,
    private readonly account: AccountLedger,
  ) {}

  /** @throws BatchError `batch_not_found` */
  static async open(name: string, connection: Connection): Promise<Batch> {
    const session = await connect(connection);
    try {
      const { ledger, account } = await session.findBatch(name);
      return new Batch(session, ledger, account);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  get name(): string {
    return this.ledger.batch;
  }

  async status(): Promise<BatchStatus> {
    const meta = await this.meta();
    const { out, reserved } = meta;
    const report = runReport(meta, this.session.clock.now());
    const unwritten = await this.ledger.outbox.length();
    return { ...report, stage: batchState(meta), out, paused: isPaused(meta), unwritten, reserved };
  }

  /** Nothing is submitted until `resume`; what was submitted is watched and collected. */
  async pause(): Promise<void> {
    await pauseBatch(this.store, this.steered, await this.meta());
  }

  async resume(): Promise<void> {
    await resumeBatch(this.store, this.steered);
  }

  /**
   * Nothing more is submitted, for good; what was submitted is collected.
   * @param submitted `abandon`: what was submitted is not watched any more either, and lost with what it cost
   */
  async cancel(submitted: 'collect' | 'abandon' = 'collect'): Promise<CancelCounts> {
    const { clock, settings: places } = this.session;
    const counts = await cancelBatch({ ...this.store, clock, places }, this.steered, submitted);
    return counts === 'was_finished' ? { cancelled: 0, abandoned: 0 } : counts;
  }

  /**
   * Opens briefs again that did not succeed, or those that are named: a task that may have succeeded is looked at once more,
   * which pays for nothing; all others get a new attempt, which is paid. Workers make them.
   * @throws BatchError `bad_input` where the results are not on this machine
   */
  async retry({ agree, ...selection }: RetryOptions = {}): Promise<Retried> {
    const { session, ledger } = this;
    const out = await folderToRetry(ledger, await this.meta(), session.settings);
    const context = batchContext(session, this.account, await lastModels(session.settings));
    const { statuses, codes, ids } = selection;
    const choice: RetryChoice = { statuses, codes, ids: ids && new Set(ids) };
    const wants = (line: ManifestLine) => isChosen(choice, line);
    const retried = await retryBatch(
      context,
      this.steered,
      { out, wants, codes },
      async (survey) => {
        const { total, ...price } = countReopened(survey);
        return total === 0 || (await agree?.(price)) !== false;
      },
    );
    if (retried.kind === 'nothing') return retried;
    const { survey, ...became } = retried;
    const { total: _all, ...price } = countReopened(survey);
    return { ...became, ...price };
  }

  /**
   * The lines of its manifest so far, in the order in which they were written, and ends with the last one. After a retry
   * the manifest is another file: then all of it comes once more.
   * @param since a line's cursor: what came before it is left out
   * @throws BatchError `bad_input` where the results are not on this machine
   */
  async *lines({ since }: { since?: string } = {}): AsyncGenerator<BatchLine, void> {
    const meta = await this.meta();
    const out = await localOutput(this.ledger, meta, this.session.settings);
    if (out === null) throw elsewhere(meta);
    const { generation, offset: end } = await this.ledger.adoption.marks();
    const [from, begin] = (since ?? '').split(':');
    const start = from === generation ? Number(begin) : 0;
    for await (const found of readManifest(out, start)) {
      if (found.offset >= end) return;
      const line = ownLine(found, out);
      yield { line, cursor: `${generation}:${found.offset + found.length}` };
    }
  }

  async close(): Promise<void> {
    await this.session.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private async meta(): Promise<BatchMeta> {
    const meta = await this.ledger.meta();
    if (meta !== null) return meta;
    throw new BatchError(
      'batch_not_found',
      `Batch ${this.name} was forgotten meanwhile: queue its input again to continue it from its folder.`,
    );
  }

  private get store() {
    const { connection: redis, settings } = this.session;
    return { redis, prefix: settings.prefix };
  }

  private get steered(): SteeredBatch {
    return { ledger: this.ledger, by: { name: userOfMachine(), from: 'library' } };
  }
}

/**
 * Opens a batch that was queued or run.
 * @throws BatchError `batch_not_found`, `redis_unreachable`, `bad_configuration`
 */
export function openBatch(name: string, connection: Connection = {}): Promise<Batch> {
  return Batch.open(name, connection);
}

function elsewhere({ name, out }: BatchMeta): BatchError {
  return new BatchError(
    'bad_input',
    out === ''
      ? `Batch ${name} has no results yet.`
      : `The results of batch ${name} are in ${out}, which is not on this machine.`,
  );
}
