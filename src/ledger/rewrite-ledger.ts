import type { Redis } from 'ioredis';
import { z } from 'zod';
import { lineStatusSchema } from '../shared/manifest-line.js';
import type { AccountLedger } from './account-ledger.js';
import type { BatchLedger } from './batch-ledger.js';
import { decodeState } from './brief-state.js';
import { draftKey, inFlightMember } from './keys.js';
import { runScript } from './scripts.js';

/** Which file the manifest is, and how many bytes of it count. */
export interface ManifestPlace {
  generation: string;
  offset: number;
}

export interface RewritePlan {
  generation: string;
  historyBytes: number;
  cancellation: 'lift' | 'keep';
  /** Whether lines may be on their way to the manifest: not where the draft has looked at states alone. */
  unwritten: 'allowed' | 'refused';
  /** Number of the run that begins with it; null where it belongs to one that is under way. */
  run: number | null;
}

/**
 * `busy` beside another rewrite; `stale` where the manifest was replaced, or another run was begun, since the
 * draft; `unwritten` where lines have to be written first.
 */
export type RewriteBeginning = 'begun' | 'busy' | 'stale' | 'expired' | 'unwritten';

/** What a rewrite needs next. */
export type RewriteWork =
  | { kind: 'none' }
  /** Somebody else is at it; after so many ms without news of them it may be taken over. */
  | { kind: 'busy'; waitMs: number }
  /** The file is still the old one: only `offset` bytes of it, and `historyBytes` of the history, count. */
  | ({ kind: 'planned'; historyBytes: number } & ManifestPlace)
  /** The file is the new one: what is left is to open the briefs. */
  | { kind: 'applying'; generation: string };

/** A planner that was asked, and left, leaves nothing behind for longer. */
const draftLifeSeconds = 24 * 3_600;
/** Renewed while files are written; a holder that was killed holds others up no longer than this. */
const holdMs = 3_000;
const entriesAtOnce = 500;

/**
 * The ledger's side of a rewrite of the manifest: lines leave it for `history.jsonl`, and their briefs are
 * open again. The order of its steps, and what a crash between them leads to, is told in `complete-rewrite.ts`.
 */
export class RewriteLedger {
  constructor(
    private readonly redis: Redis,
    private readonly ledger: BatchLedger,
    private readonly account: AccountLedger,
  ) {}

  async place(): Promise<ManifestPlace> {
    const { meta } = this.ledger.keys;
    const [generation, offset] = await this.redis.hmget(meta, 'generation', 'offset');
    return { generation: generation ?? '0', offset: Number(offset ?? 0) };
  }

  /** Number of the batch's latest run. */
  async run(): Promise<number> {
    return Number((await this.redis.hget(this.ledger.keys.meta, 'run')) ?? 0);
  }

  async addToDraft(token: string, entries: ReadonlyMap<string, RewriteEntry>): Promise<void> {
    if (entries.size === 0) return;
    const key = draftKey(this.ledger.keys, token);
    const fields = [...entries].flatMap(([id, entry]) => [id, JSON.stringify(entry)]);
    await this.redis.hset(key, ...fields);
    await this.redis.expire(key, draftLifeSeconds);
  }

  async dropDraft(token: string): Promise<void> {
    await this.redis.unlink(draftKey(this.ledger.keys, token));
  }

  async begin(token: string, plan: RewritePlan): Promise<RewriteBeginning> {
    const { meta, plan: planKey, outbox } = this.ledger.keys;
    const { generation, historyBytes, cancellation, unwritten, run } = plan;
    const reply = await runScript(this.redis, 'begin-rewrite', {
      keys: [meta, draftKey(this.ledger.keys, token), planKey, outbox, this.account.keys.clock],
      values: [generation, historyBytes, cancellation, unwritten, run ?? ''],
    });
    return reply as RewriteBeginning;
  }

  /** Whether there is a rewrite to be completed. */
  async underWay(): Promise<boolean> {
    return (await this.redis.hexists(this.ledger.keys.meta, 'rewriting')) === 1;
  }

  /** Takes the rewrite that is under way, once a token; `keep` says again that its holder is still at it. */
  async hold(token: string, how: 'take' | 'keep'): Promise<RewriteWork> {
    const reply = (await runScript(this.redis, 'hold-rewrite', {
      keys: [this.ledger.keys.meta, this.account.keys.clock],
      values: [token, holdMs, how],
    })) as [string, ...(string | number)[]];
    const [kind, first, offset, historyBytes] = reply;
    switch (kind) {
      case 'busy':
        return { kind, waitMs: Number(first) };
      case 'applying':
        return { kind, generation: String(first) };
      case 'planned':
        return {
          kind,
          generation: String(first),
          offset: Number(offset),
          historyBytes: Number(historyBytes),
        };
      default:
        return { kind: 'none' };
    }
  }

  /** A brief's state text and content, for those who plan; null where the ledger has none. */
  async candidates(
    briefIds: readonly string[],
  ): Promise<{ stateText: string | null; content: string | null }[]> {
    const { state, content } = this.ledger.keys;
    const [texts, contents] = await Promise.all([
      this.redis.hmget(state, ...briefIds),
      this.redis.hmget(content, ...briefIds),
    ]);
    return texts.map((stateText, index) => ({ stateText, content: contents[index] ?? null }));
  }

  /** Of which attempts these briefs' lines leave the manifest; null where they stay. */
  async planned(briefIds: readonly string[]): Promise<(number | null)[]> {
    if (briefIds.length === 0) return [];
    const entries = await this.redis.hmget(this.ledger.keys.plan, ...briefIds);
    return entries.map((text) => {
      if (text === null) return null;
      return decodeState(rewriteEntrySchema.parse(JSON.parse(text)).from).state.attempt;
    });
  }

  /** The new file is in place, `bytes` long. */
  async swap(
    token: string,
    bytes: number,
  ): Promise<{ kind: 'swapped'; generation: string } | { kind: 'overtaken' }> {
    const reply = await runScript(this.redis, 'swap-rewrite', {
      keys: [this.ledger.keys.meta],
      values: [token, bytes],
    });
    return reply === 0 ? { kind: 'overtaken' } : { kind: 'swapped', generation: String(reply) };
  }

  /** What is left of the plan, in chunks; an entry may come twice. */
  async *entries(): AsyncGenerator<Map<string, RewriteEntry>> {
    let cursor = '0';
    do {
      const [next, fields] = await this.redis.hscan(
        this.ledger.keys.plan,
        cursor,
        'COUNT',
        entriesAtOnce,
      );
      cursor = next;
      const chunk = new Map<string, RewriteEntry>();
      for (let index = 0; index < fields.length; index += 2) {
        const entry = rewriteEntrySchema.parse(JSON.parse(fields[index + 1] ?? ''));
        chunk.set(fields[index] ?? '', entry);
      }
      if (chunk.size > 0) yield chunk;
    } while (cursor !== '0');
  }

  /** Opens briefs of the plan, each once; returns how many were opened by this call. */
  async apply(generation: string, briefIds: readonly string[]): Promise<number> {
    const { meta, state, plan, reservations, content } = this.ledger.keys;
    const { inFlight, day, clock } = this.account.keys;
    const reply = await runScript(this.redis, 'apply-rewrite', {
      keys: [meta, state, plan, reservations, inFlight, day, content, clock],
      values: [generation, inFlightMember(this.ledger.batch, ''), ...briefIds],
    });
    return Number(reply);
  }

  /** Takes briefs that have their jobs out of the plan; the last one ends the rewrite. */
  async clear(generation: string, briefIds: readonly string[]): Promise<void> {
    const { meta, plan } = this.ledger.keys;
    await runScript(this.redis, 'clear-rewrite', {
      keys: [meta, plan],
      values: [generation, ...briefIds],
    });
  }
}

/** How one brief is opened again once its line has left the manifest. */
const rewriteEntrySchema = z.object({
  /** The state that is expected, and the one that takes its place, as encoded text. */
  from: z.string(),
  to: z.string(),
  /** Of the line that goes; `pending` for a brief that has none, and is to be made with other content. */
  status: z.union([lineStatusSchema, z.literal('pending')]),
  /** Number of the run that made the line that goes. */
  run: z.number().int().positive().optional(),
  /** Where its job goes. */
  stage: z.enum(['submit', 'status']),
  attempt: z.number().int().positive(),
  /** Status checks that the line counted and that the brief will count again. */
  checks: z.number().int(),
  /** What is made from now on, in place of what the ledger has; taken in the step that opens the brief. */
  content: z.string().optional(),
  /** Of a task that is looked at again and was counted as spent: what was counted as spent for it, on which UTC day, of which price kind. */
  left: z.object({ credits: z.string(), day: z.string(), kind: z.string() }).optional(),
});

export type RewriteEntry = z.infer<typeof rewriteEntrySchema>;
