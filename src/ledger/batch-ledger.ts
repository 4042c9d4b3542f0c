import type { Redis } from 'ioredis';
import { BatchError } from '../shared/errors.js';
import { lineStatusSchema } from '../shared/manifest-line.js';
import { tellNews } from '../shared/news.js';
import { type PictureSize, sizeText } from '../shared/picture-size.js';
import { bucketWidths } from '../shared/time-buckets.js';
import type { AccountLedger } from './account-ledger.js';
import { AdoptionLedger } from './adoption-ledger.js';
import {
  type BatchCounts,
  type BatchIdentity,
  type BatchMeta,
  type KeptCommand,
  readMeta,
} from './batch-meta.js';
import { type AdmissionMark, BriefLedger } from './brief-ledger.js';
import { decodeState, type ReadState } from './brief-state.js';
import { DeedLedger } from './deeds.js';
import { explainLoss } from './explain-loss.js';
import { accountKeys, type BatchKeys, batchesKey, batchKeys, inFlightMember } from './keys.js';
import type { Announced, Announcement } from './message-ledger.js';
import { ReferenceLedger } from './reference-ledger.js';
import { type CountedRefusal, type RefusalBucket, readRefusals } from './refusals.js';
import { ReopenedLedger } from './reopened-ledger.js';
import { ResultLedger } from './result-ledger.js';
import { compareAndSet, runScript } from './scripts.js';

export interface Caps {
  batch: number | 'none' | undefined;
  /** Over all batches of the account, by UTC day. */
  day: number | 'none' | undefined;
}

/** `none`: nothing is left of it, or there never was anything. */
export type Missing = 'whole' | 'none' | 'meta' | 'state' | 'content';

/** A brief as a look at all of them finds it. */
export interface ScannedBrief {
  id: string;
  read: ReadState;
  /** Credits that are held for it, as `lua/credits.lua` keeps them; null for none. */
  held: number | null;
}

/** Where a batch's record counts its lines. */
const lineFields = lineStatusSchema.options.map((status) => `lines:${status}`);

function pendingOf(admitted: number, lined: readonly number[]): number {
  return lined.reduce((rest, count) => rest - count, admitted);
}

const briefsAtOnce = 500;
/** Some 30 bytes each; a report has a third of it to all of it as buckets. */
const mostRefusalFields = 240;
/** Longer than a worker waits until it says so again. */
const notBegunLastsMs = 90_000;
/** Longer than files are waited for: how many there are says the queue, so an old reason does no harm. */
const fileTroubleLastsMs = 90 * 60_000;

/** What has to hold for a batch to leave Redis. */
export interface ShelfMark {
  /** Which life of it. */
  createdAt: number;
  /** Ms since the epoch: it ended by then. */
  endedBy: number;
  /** Of its manifest: which file, and how many bytes. */
  generation: string;
  offset: number;
  /** How many of the files that its briefs refer to its journal knows. */
  files: number;
}

/**
 * For a worker, longer than the spacing at which it says so again, by far: to take over costs fetching all of it. After a
 * command, nobody is to wait for long.
 */
const keepsForMs = { worker: 20_000, command: 4_000 } as const;

/** `taken`: it was another's before, or nobody's. */
export type FolderKept =
  | { kind: 'kept' | 'taken' }
  /** Another machine keeps it; unless it says so again, for so long (ms). */
  | { kind: 'busy'; machine: string; forMs: number };

export interface OpenedRun {
  /** Its number, from 1; 0 where none has begun since an earlier version. */
  run: number;
  /** Null where it was under way already. */
  beganMs: number | null;
}

/** The durable account of one batch. */
export class BatchLedger {
  readonly keys: BatchKeys;
  readonly briefs: BriefLedger;
  readonly outbox: OutboxLedger;
  readonly adoption: AdoptionLedger;
  readonly references: ReferenceLedger;
  readonly results: ResultLedger;
  readonly reopened: ReopenedLedger;
  /** What people have done to it. */
  readonly deeds: DeedLedger;

  constructor(
    private readonly redis: Redis,
    private readonly prefix: string,
    readonly batch: string,
    private readonly account: AccountLedger,
  ) {
    this.keys = batchKeys(prefix, batch);
    this.briefs = new BriefLedger(redis, batch, this.keys, account.keys, account.account);
    this.outbox = new OutboxLedger(redis, this.keys, batch);
    this.adoption = new AdoptionLedger(redis, batch, this.keys, account.keys);
    this.references = new ReferenceLedger(redis, this.keys, account.keys);
    this.results = new ResultLedger(redis, this.keys);
    this.reopened = new ReopenedLedger(redis, batch, this.keys, account.keys);
    this.deeds = new DeedLedger(redis, {
      ...{ hash: this.keys.meta, field: 'createdAt' },
      ...{ list: this.keys.deeds, clock: account.keys.clock },
    });
  }

  /** What Redis has lost of this batch, where it deletes keys or was emptied. */
  async findMissing(): Promise<Missing> {
    const { meta, state, content } = this.keys;
    const replies = await this.redis
      .multi()
      .exists(meta, state, content)
      .hmget(meta, 'createdAt', 'shelved', 'admitted', ...lineFields)
      .hlen(state)
      .hlen(content)
      .exec();
    const [left, fields, states, contents] = (replies ?? []).map(([error, reply]) => {
      if (error) throw error;
      return reply;
    }) as [number, (string | null)[], number, number];
    const [createdAt, shelved, ...counts] = fields;
    if (!createdAt) return left === 0 ? 'none' : 'meta';
    // Its folder has the rest.
    if (shelved) return 'whole';
    const [admitted = 0, ...lined] = counts.map(Number);
    if (states < admitted) return 'state';
    const pending = pendingOf(admitted, lined);
    // It goes with success alone, so whatever is pending has it.
    return contents < pending ? 'content' : 'whole';
  }

  /** Counts an answer by which the API refused a request of this batch. */
  async countRefusal(kind: CountedRefusal): Promise<void> {
    await runScript(this.redis, 'count-refusal', {
      keys: [this.keys.meta, this.keys.refusals, this.account.keys.clock],
      values: [kind, mostRefusalFields, ...bucketWidths],
    });
  }

  /** The refusals of this life of the batch that are known by their time, the earliest first. */
  async refusals(): Promise<RefusalBucket[]> {
    return readRefusals(await this.redis.hgetall(this.keys.refusals));
  }

  /**
   * All briefs in chunks, in constant memory. One that changes meanwhile may come in its old state or twice: whoever
   * acts on it compares and sets.
   */
  async *scan(): AsyncGenerator<ScannedBrief[]> {
    const { state, reservations } = this.keys;
    let cursor = '0';
    do {
      const [next, fields] = await this.redis.hscan(state, cursor, 'COUNT', briefsAtOnce);
      cursor = next;
      const ids = fields.filter((_field, index) => index % 2 === 0);
      if (ids.length === 0) continue;
      const held = await this.redis.hmget(reservations, ...ids);
      yield ids.map((id, index) => ({
        id,
        read: decodeState(fields[2 * index + 1] ?? ''),
        held: amountIn(held[index] ?? null),
      }));
    } while (cursor !== '0');
  }

  /** Whether any process of this API and key says that it is there. */
  async hasLiveWorkers(): Promise<boolean> {
    return (await this.account.view()).workers > 0;
  }

  /** The folder to which it is leaving, where the one that it had is lost; null where it is not. */
  async leavingTo(): Promise<string | null> {
    return this.redis.hget(this.keys.meta, 'leaving');
  }

  /** What is to be said of a loss. */
  explainLoss(): Promise<BatchError> {
    return explainLoss(this.redis, this.batch);
  }

  /** Creates the batch or finds it; the identity is kept from the first time on. */
  async open(identity: BatchIdentity): Promise<'created' | 'found'> {
    const reply = await runScript(this.redis, 'open-batch', {
      keys: [this.keys.meta, batchesKey(this.prefix)],
      values: [this.batch, ...Object.entries(identity).flat()],
    });
    return reply === 1 ? 'created' : 'found';
  }

  /** Null when there is no such batch. */
  async meta(): Promise<BatchMeta | null> {
    const [fields, paused] = await Promise.all([
      this.redis.hgetall(this.keys.meta),
      this.redis.hexists(this.keys.submitQueue, 'paused'),
    ]);
    return readMeta(this.batch, fields, paused === 1 ? 'paused' : 'going');
  }

  /**
   * Opens the batch's admission; with something `new` to make, a run begins, unless one is being admitted.
   * @param sources names of the input's files
   * @param news `under_way`: everything of the input is known, and some of it is not made yet
   * @param force where the run makes everything of its input anew; `forced_on`: one was cut off, and is gone on with
   * @param counts what its whole input is, for whoever looks before that is admitted (S4)
   */
  async openAdmission(
    sources: readonly string[],
    news: 'new' | 'under_way',
    force: 'forced' | 'forced_on' | 'only_changed',
    counts: Partial<BatchCounts> = {},
  ): Promise<OpenedRun> {
    const begin = news === 'new' ? 'begin' : 'go_on';
    const reply = (await runScript(this.redis, 'open-admission', {
      keys: [this.keys.meta, this.account.keys.clock],
      values: [begin, force, JSON.stringify(sources), ...Object.entries(counts).flat()],
    })) as [number, number] | 'shelved';
    if (reply === 'shelved') {
      throw new BatchError(
        'batch_conflict',
        `The briefs of batch ${this.batch} have left Redis meanwhile: give the same command again. Nothing was sent.`,
      );
    }
    return { run: reply[0], beganMs: reply[1] === 0 ? null : reply[1] };
  }

  /** What outputs its recipe has, in their order, with how many briefs of each there are. */
  async keepOutputs(outputs: ReadonlyMap<string, number>): Promise<void> {
    await this.set({ outputs: JSON.stringify([...outputs]) });
  }

  /** Tells all processes that something has changed for this batch. */
  async tell(): Promise<void> {
    await tellNews(this.redis, this.prefix, { about: 'batch', name: this.batch });
  }

  /**
   * The whole input is in. Where another command has begun to admit another one since, and is not through, that one is
   * still to come: nothing changes.
   */
  async markAdmission(mark: 'complete', counts: Partial<BatchCounts> = {}): Promise<void> {
    await runScript(this.redis, 'mark-admission', {
      keys: [this.keys.meta],
      values: [mark, counts.whole ?? '', ...Object.entries(counts).flat()],
    });
    await this.tell();
  }

  /**
   * How many briefs the batch has room for beside those without a line. Where it takes none at all, as many as there are:
   * whoever asks for their admission is told why.
   */
  async roomBelow(mostPending: number): Promise<AdmissionMark> {
    const { meta } = this.keys;
    const [createdAt, cancelled, ...counts] = await this.redis.hmget(
      meta,
      ...['createdAt', 'cancelled', 'admitted', ...lineFields],
    );
    const [admitted = 0, ...lined] = counts.map(Number);
    if (!createdAt || cancelled) return { admitted, room: Number.POSITIVE_INFINITY };
    const pending = pendingOf(admitted, lined);
    return { admitted, room: mostPending - pending };
  }

  /**
   * The batch has every brief of an input with that very content (`BatchMeta.knownInput`), unless something of it changes
   * or has changed since `admissions` was read.
   * @param proof `admitted`: all were offered for admission since, and where one was not taken as it is, that was marked
   */
  async rememberInput(
    digest: string,
    { admissions }: Pick<BatchMeta, 'admissions'>,
    proof: 'compared' | 'admitted',
  ): Promise<void> {
    const fields = proof === 'compared' ? { unlike: '' } : {};
    await this.set({ input: `${admissions} ${digest}`, ...fields });
  }

  /**
   * The closing files stand for the admission whose meta this is, and whoever wants to be told of that is, once. Nothing
   * changes where another has been opened since.
   */
  async markFinalized(
    { admissions, forcedRun }: BatchMeta,
    announcement: Announcement,
  ): Promise<void> {
    await this.account.messages.announce(announcement, {
      key: this.keys.meta,
      field: 'finalized',
      value: String(admissions),
      while: { field: 'admissions', value: String(admissions) },
      when: 'always',
      with: {
        ended_at: String(announcement.message.madeMs),
        ...(forcedRun !== null && { forced_done: String(forcedRun) }),
      },
    });
    await this.tell();
  }

  /** Tells that something has come about, once: `occasion` is the same word whenever it is found again. */
  async announce(announcement: Announcement, occasion: string): Promise<Announced> {
    return this.account.messages.announce(announcement, {
      key: this.keys.meta,
      field: `told:${announcement.message.kind}`,
      value: occasion,
      while: null,
      when: 'if_wanted',
      with: {},
    });
  }

  /** Since when the batch has stood still for that reason, and for how long (ms); null where it goes on. */
  async noteWait(reason: string | null): Promise<{ sinceMs: number; forMs: number } | null> {
    const [sinceMs, forMs] = (await runScript(this.redis, 'note-wait', {
      keys: [this.keys.meta, this.account.keys.clock],
      values: [reason ?? ''],
    })) as [number, number];
    return sinceMs === 0 ? null : { sinceMs, forMs };
  }

  /** Keeps the folder of a batch in a bucket for a machine, unless another one has it. */
  async keepFolder(machine: string, who: 'worker' | 'command'): Promise<FolderKept> {
    const [kind, holder = '', forMs = 0] = (await runScript(this.redis, 'keep-folder', {
      keys: [this.keys.keeper],
      values: [machine, keepsForMs[who]],
    })) as [FolderKept['kind'], string?, number?];
    return kind === 'busy' ? { kind, machine: holder, forMs } : { kind };
  }

  /** Gives it back before its time; what another machine has by now stays that one's. */
  async leaveFolder(machine: string): Promise<void> {
    await runScript(this.redis, 'keep-folder', { keys: [this.keys.keeper], values: [machine, 0] });
  }

  /** Offers a folder to a batch that names none; returns the one that it has from now on, for all machines. */
  async keepPlace(out: string): Promise<string> {
    const { meta } = this.keys;
    const [kept, other] = await compareAndSet(this.redis, {
      keys: [meta, meta],
      values: ['out', '', 'out', out],
    });
    return kept === 1 ? out : String(other);
  }

  /** For whoever looks at the batch; it goes by itself when it is not said again, and with null. */
  async noteNotBegun(reason: string | null): Promise<void> {
    const { notBegun } = this.keys;
    if (reason === null) await this.redis.unlink(notBegun);
    else await this.redis.set(notBegun, reason, 'PX', notBegunLastsMs);
  }

  /** Why a worker could not begin with the batch lately. */
  async notBegun(): Promise<string | null> {
    return this.redis.get(this.keys.notBegun);
  }

  /** Why files of finished tasks cannot be fetched, without any part of their URLs (S8). */
  async noteFileTrouble(reason: string): Promise<void> {
    await this.redis.set(this.keys.fileTrouble, reason, 'PX', fileTroubleLastsMs);
  }

  /** The latest reason; null where there was none lately. */
  async fileTrouble(): Promise<string | null> {
    return this.redis.get(this.keys.fileTrouble);
  }

  /** Deletes a batch of which nothing was ever sent: a worker that is about to send finds nothing left to send (S1). */
  async dropUnsent(): Promise<'dropped' | 'was_sent'> {
    return (await this.delete('unsent')) ? 'dropped' : 'was_sent';
  }

  /** Deletes a batch that was opened and not begun, unless somebody else has begun it meanwhile. */
  async dropUnused(): Promise<'dropped' | 'in_use'> {
    return (await this.delete('unused')) ? 'dropped' : 'in_use';
  }

  /** Deletes everything that is known of the batch, its places in flight included, in one step. */
  async forget(): Promise<void> {
    await this.delete('any');
  }

  /** The same with whom it tells, where each of its briefs has its line in the manifest at that moment. */
  async forgetOver(): Promise<'forgotten' | 'open'> {
    return (await this.delete('over')) ? 'forgotten' : 'open';
  }

  /**
   * Takes all but its record out of Redis, in one step that looks once more whether nothing of it is left to be done.
   * @param mark what its folder was seen to have by whoever proved that it is all there
   */
  async shelve(mark: ShelfMark): Promise<'shelved' | 'stays'> {
    const {
      meta,
      deeds: _stay,
      state,
      outbox,
      reopened,
      reservations,
      files,
      ...others
    } = this.keys;
    const reply = await runScript(this.redis, 'shelve', {
      keys: [meta, outbox, reopened, reservations, files, state, ...Object.values(others)],
      values: [mark.createdAt, mark.endedBy, mark.generation, mark.offset, mark.files],
    });
    return reply === 1 ? 'shelved' : 'stays';
  }

  private async delete(which: 'any' | 'unsent' | 'unused' | 'over'): Promise<boolean> {
    const { meta, outbox, ...others } = this.keys;
    const { inFlight, webhooks } = this.account.keys;
    const reply = await runScript(this.redis, 'forget', {
      keys: [meta, batchesKey(this.prefix), inFlight, webhooks, outbox, ...Object.values(others)],
      values: [this.batch, inFlightMember(this.batch, ''), which, `batch ${this.batch}`],
    });
    await this.tell();
    return reply === 1;
  }

  /** Takes back `cancel` for what is to come; lines that it wrote stay. */
  async liftCancel(): Promise<void> {
    await this.redis.hdel(this.keys.meta, 'cancelled');
  }

  /** Nothing more is submitted or admitted from here on. */
  async cancel(): Promise<'cancelled' | 'was_finished'> {
    const reply = await runScript(this.redis, 'cancel', { keys: [this.keys.meta], values: [] });
    await this.tell();
    return reply === 1 ? 'cancelled' : 'was_finished';
  }

  /** For whoever goes on with the batch. */
  async keepCommand(command: KeptCommand): Promise<void> {
    await this.set({ command: JSON.stringify(command) });
  }

  async set(fields: Record<string, string | number>): Promise<void> {
    await this.redis.hset(this.keys.meta, fields);
  }

  /** Frees places in flight that no brief of this batch is entitled to any more; returns how many. */
  async repairInFlight(): Promise<number> {
    const reply = await runScript(this.redis, 'repair-in-flight', {
      keys: [this.keys.state, this.account.keys.inFlight],
      values: [inFlightMember(this.batch, '')],
    });
    return Number(reply);
  }

  /** Caps on what may be spent; what is undefined stays as it is, 'none' lifts a cap. */
  async setCaps(caps: Caps): Promise<void> {
    for (const [field, value] of [
      ['max_credits', caps.batch],
      ['max_credits_per_day', caps.day],
    ] as const) {
      if (value === 'none') await this.redis.hdel(this.keys.meta, field);
      else if (value !== undefined) await this.set({ [field]: value });
    }
    // Whoever sets them has acted: should it stand still again, that is another wait.
    await this.redis.hdel(this.keys.meta, 'capped', 'waits');
    await this.tell();
  }

  /** What its pictures have to have, as its caps are: undefined stays as it is, 'none' lifts it. */
  async setMinSize(least: PictureSize | 'none' | undefined): Promise<void> {
    if (least === undefined) return;
    if (least === 'none') await this.redis.hdel(this.keys.meta, 'min_size');
    else await this.set({ min_size: sizeText(least) });
    await this.tell();
  }

  /** Briefs of this batch that are submitted and not known to be over. */
  inFlight(): Promise<number> {
    return this.inFlightUnder(this.account.account);
  }

  /** Briefs of this batch that are in flight under an account that need not be its own. */
  async inFlightUnder(account: string): Promise<number> {
    const { inFlight } = accountKeys(this.prefix, account);
    const members = await this.redis.zrange(inFlight, '0', '-1');
    const head = inFlightMember(this.batch, '');
    return members.filter((member) => member.startsWith(head)).length;
  }
}

function amountIn(reservation: string | null): number | null {
  return reservation === null ? null : Number(reservation.split(' ', 1)[0]);
}

export interface OutboxPage {
  /** `reopened`: none are handed out before the lines of reopened briefs have left the manifest. */
  kind: 'lines' | 'reopened';
  generation: string;
  /** Where in the manifest the first of the lines belongs, in bytes. */
  offset: number;
  lines: string[];
}

/** A batch's finished lines that are not in the manifest yet, and where in it they belong (S4). */
export class OutboxLedger {
  constructor(
    private readonly redis: Redis,
    private readonly keys: BatchKeys,
    readonly batch: string,
  ) {}

  /** Which file the manifest is: raised whenever a retry replaces it. */
  async generation(): Promise<string> {
    return (await this.redis.hget(this.keys.meta, 'generation')) ?? '0';
  }

  async read(most: number): Promise<OutboxPage> {
    const { meta, outbox, reopened } = this.keys;
    const reply = (await runScript(this.redis, 'read-outbox', {
      keys: [meta, outbox, reopened],
      values: [most],
    })) as string[];
    const [generation = '0', offset = '0', kind, ...lines] = reply;
    return { kind: kind as OutboxPage['kind'], generation, offset: Number(offset), lines };
  }

  async markWritten(
    page: Pick<OutboxPage, 'generation' | 'offset' | 'lines'>,
    endOffset: number,
  ): Promise<'marked' | 'was_marked'> {
    const { meta, outbox, reopened } = this.keys;
    const reply = await runScript(this.redis, 'mark-written', {
      keys: [meta, outbox, reopened],
      values: [page.generation, page.offset, page.lines.length, endOffset],
    });
    return reply === 1 ? 'marked' : 'was_marked';
  }

  async all(): Promise<string[]> {
    return this.redis.lrange(this.keys.outbox, 0, -1);
  }

  async length(): Promise<number> {
    return this.redis.llen(this.keys.outbox);
  }
}
