import type { Redis } from 'ioredis';
import type { LineStatus } from '../manifest-line.js';
import type { PreparedBrief } from '../prepared-brief.js';
import type { AccountLedger } from './account-ledger.js';
import { type BatchCounts, type BatchIdentity, type BatchMeta, readMeta } from './batch-meta.js';
import {
  type BriefState,
  decodeState,
  encodeState,
  type ReadState,
  type Stage,
  type StateOf,
} from './brief-state.js';
import { accountKeys, type BatchKeys, batchesKey, batchKeys, inFlightMember } from './keys.js';
import { OutboxLedger } from './outbox-ledger.js';
import { RecoveryLedger } from './recovery-ledger.js';
import { runScript } from './scripts.js';
import {
  type Passed,
  passed,
  readPermit,
  type SubmitPermit,
  type SubmitRequest,
} from './submit-permit.js';
import { utcDay } from './utc-day.js';

export type Admission = Stage | 'clash' | 'cancelled';

/** What a brief holds after a step: a place in flight, and credits reserved. */
export type Holding = 'slot_and_credits' | 'credits' | 'nothing';

export type Move<S extends BriefState> = { kind: 'moved'; brief: ReadState<S> } | Passed;
export type Finish = { kind: 'finished' } | Passed;

export interface Caps {
  batch: number | 'none' | undefined;
  /** Over all batches of the account, by UTC day. */
  day: number | 'none' | undefined;
}

export interface FinishedBrief {
  from: ReadState;
  line: string;
  status: LineStatus;
  /** Credits, as the API states them; null where nobody knows: what is reserved stays so (S6). */
  charged: number | null;
  checks: number;
  downloads: number;
  nowMs: number;
}

/** The durable account of one batch. Every change of a brief's stage goes through here. */
export class BatchLedger {
  readonly keys: BatchKeys;
  readonly outbox: OutboxLedger;
  readonly recovery: RecoveryLedger;

  constructor(
    private readonly redis: Redis,
    private readonly prefix: string,
    readonly batch: string,
    private readonly account: AccountLedger,
  ) {
    this.keys = batchKeys(prefix, batch);
    this.outbox = new OutboxLedger(redis, this.keys, batch);
    this.recovery = new RecoveryLedger(redis, this.keys, account.keys);
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
    return readMeta(this.batch, await this.redis.hgetall(this.keys.meta));
  }

  /** What `admit` would answer, without admitting: null where the brief is new. */
  async lookUp(briefs: PreparedBrief[]): Promise<(Admission | null)[]> {
    const texts = await this.redis.hmget(this.keys.state, ...briefs.map((brief) => brief.id));
    return texts.map((text, index) => {
      if (text === null) return null;
      const [stage, , fingerprint] = text.split('|', 3);
      return fingerprint === briefs[index]?.fingerprint ? (stage as Stage) : 'clash';
    });
  }

  /** Admits new briefs, up to about 1,000 a call; answers in the order given. */
  async admit(briefs: PreparedBrief[], nowMs: number): Promise<Admission[]> {
    const values: (string | number)[] = [nowMs];
    for (const brief of briefs) {
      values.push(brief.id, brief.fingerprint, `${brief.origin}\n${brief.body}`);
    }
    const { meta, state, content } = this.keys;
    return (await runScript(this.redis, 'admit', {
      keys: [meta, state, content],
      values,
    })) as Admission[];
  }

  async markAdmission(mark: 'open' | 'complete', counts?: Partial<BatchCounts>): Promise<void> {
    // From here on, closing files that somebody is still writing stand for an earlier admission.
    if (mark === 'open') await this.redis.hincrby(this.keys.meta, 'admissions', 1);
    await this.redis.hset(this.keys.meta, { admission: mark, ...counts });
  }

  /** The closing files stand for the admission whose meta this is. */
  async markFinalized({ admissions }: BatchMeta): Promise<void> {
    await this.redis.hset(this.keys.meta, 'finalized', String(admissions));
  }

  async beginSubmit(
    brief: SubmitRequest,
    limits: { longestWaitMs: number; defaultInFlight: number },
  ): Promise<SubmitPermit> {
    const { meta, state, reservations } = this.keys;
    const { pace, inFlight, gate, workers, prices, firsts, day } = this.account.keys;
    const reply = (await runScript(this.redis, 'begin-submit', {
      keys: [meta, state, pace, inFlight, gate, workers, reservations, prices, firsts, day],
      values: [
        brief.id,
        brief.attempt,
        this.member(brief.id),
        limits.longestWaitMs,
        limits.defaultInFlight,
        brief.priceKind,
        brief.guess,
        brief.least,
      ],
    })) as [string, ...(string | number)[]];
    return readPermit(brief, reply);
  }

  /** Null when the ledger does not know the brief. */
  async read(briefId: string): Promise<ReadState | null> {
    const text = await this.redis.hget(this.keys.state, briefId);
    return text === null ? null : decodeState(text);
  }

  async readContent(briefId: string): Promise<string | null> {
    return this.redis.hget(this.keys.content, briefId);
  }

  /** Compare-and-set; what the brief no longer holds is given back in the same step. */
  async move<S extends BriefState>(
    briefId: string,
    step: { from: ReadState; to: S; holds: Holding },
  ): Promise<Move<S>> {
    const text = encodeState(step.to);
    const reply = (await runScript(this.redis, 'move', {
      keys: [
        this.keys.state,
        this.account.keys.inFlight,
        this.keys.meta,
        this.keys.reservations,
        this.account.keys.day,
      ],
      values: [briefId, step.from.text, text, this.member(briefId), step.holds],
    })) as [number, string?];
    return reply[0] === 1 ? { kind: 'moved', brief: { text, state: step.to } } : passed(reply[1]);
  }

  /** Saves the task id of an accepted submission at once; its stated price is reserved and learned (S6). */
  async accept(
    briefId: string,
    step: { from: ReadState; to: StateOf<'accepted'> },
  ): Promise<Move<StateOf<'accepted'>>> {
    const text = encodeState(step.to);
    const { state, meta, reservations } = this.keys;
    const { prices, firsts, day, pace } = this.account.keys;
    const reply = (await runScript(this.redis, 'accept', {
      keys: [state, meta, reservations, prices, firsts, day, pace],
      values: [briefId, step.from.text, text, this.member(briefId), step.to.reserved ?? ''],
    })) as [number, string?];
    return reply[0] === 1 ? { kind: 'moved', brief: { text, state: step.to } } : passed(reply[1]);
  }

  /** Puts the brief's line into the outbox, once (S4), and frees its place in flight. */
  async finish(briefId: string, end: FinishedBrief): Promise<Finish> {
    const { attempt, fingerprint, seq } = end.from.state;
    const to = encodeState({ stage: 'lined', attempt, fingerprint, seq, status: end.status });
    const { meta, state, content, outbox, reservations } = this.keys;
    const { inFlight, prices, day } = this.account.keys;
    const reply = (await runScript(this.redis, 'finish', {
      keys: [meta, state, content, outbox, inFlight, reservations, prices, day],
      values: [
        briefId,
        end.from.text,
        to,
        end.line,
        end.status,
        this.member(briefId),
        end.charged ?? '',
        end.checks,
        end.downloads,
        utcDay(end.nowMs),
      ],
    })) as [number, string?];
    return reply[0] === 1 ? { kind: 'finished' } : passed(reply[1]);
  }

  /** Whether the brief may use `canonicalName` as it is (unique without regard to case). */
  async claimName(briefId: string, canonicalName: string): Promise<'plain' | 'needs_suffix'> {
    const { state, names } = this.keys;
    const reply = await runScript(this.redis, 'claim-name', {
      keys: [state, names],
      values: [briefId, canonicalName],
    });
    return reply === 1 ? 'plain' : 'needs_suffix';
  }

  /** Offers a folder to a batch that names none; returns the one that it has from now on, for all machines. */
  async keepPlace(out: string): Promise<string> {
    const reply = await runScript(this.redis, 'keep-place', {
      keys: [this.keys.meta],
      values: [out],
    });
    return String(reply);
  }

  async resume(): Promise<void> {
    await this.redis.hdel(this.keys.meta, 'paused');
  }

  /** Takes back `cancel` for what is to come; lines that it wrote stay. */
  async liftCancel(): Promise<void> {
    await this.redis.hdel(this.keys.meta, 'cancelled');
  }

  /** Nothing more is submitted or admitted from here on. */
  async cancel(): Promise<'cancelled' | 'was_finished'> {
    const reply = await runScript(this.redis, 'cancel', { keys: [this.keys.meta], values: [] });
    return reply === 1 ? 'cancelled' : 'was_finished';
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

  /** Deletes everything that is known of the batch, its places in flight included. */
  async forget(): Promise<void> {
    const { meta, state, content, outbox, names, reservations, plan } = this.keys;
    await this.redis.unlink(state, content, outbox, names, reservations, plan);
    await this.repairInFlight();
    await this.redis.unlink(meta);
    await this.redis.srem(batchesKey(this.prefix), this.batch);
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
    await this.redis.hdel(this.keys.meta, 'capped');
  }

  /** Briefs of this batch that are submitted and not known to be over. */
  inFlight(): Promise<number> {
    return this.inFlightUnder(this.account.account);
  }

  /** Briefs of this batch that are in flight under an account that need not be its own. */
  async inFlightUnder(account: string): Promise<number> {
    const { inFlight } = accountKeys(this.prefix, account);
    const members = await this.redis.zrange(inFlight, '0', '-1');
    const head = this.member('');
    return members.filter((member) => member.startsWith(head)).length;
  }

  private member(briefId: string): string {
    return inFlightMember(this.batch, briefId);
  }
}
