import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { StoredContent } from '../shared/brief.js';
import type { JsonObject } from '../shared/json.js';
import { placeholdersIn, type ReferenceFile } from '../shared/reference-items.js';
import { decodeState, type ReadState } from './brief-state.js';
import { readLedgerMs } from './clock.js';
import { type AccountKeys, type BatchKeys, batchesKey, batchKeys } from './keys.js';
import { compareAndSet, runScript } from './scripts.js';
import { uploadLifeMs } from './upload-ledger.js';

const jsonObject = z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>;

const addressesSchema = z.object({
  attempt: z.number().int().positive(),
  /** Of the brief when they were saved: with more of them, these have been sent and never change again (S1). */
  sends: z.number().int(),
  /** `params.referenceMediaItems` as it is sent. */
  items: z.array(jsonObject),
  /** When the oldest of the uploads was made, by Redis' clock. */
  oldestMs: z.number(),
  /** How often the API's refusal of an address has led to new ones, without a break. */
  renewals: z.number().int(),
  /** Whether the API refused one of these. */
  refused: z.boolean(),
});

/** What one attempt sends in place of its placeholders. */
export type Addresses = z.infer<typeof addressesSchema>;

export interface ReferenceLook {
  read: ReadState | null;
  addresses: Addresses | null;
  /** `held`: no submission of this batch would get leave now, for a reason that is known. */
  submissions: 'open' | 'held';
  /** By Redis' clock. */
  nowMs: number;
}

const fileSchema = z.object({
  path: z.string(),
  bytes: z.number(),
  mediaType: z.string(),
  name: z.string(),
  from: z.string().optional(),
});

const filesAtOnce = 1_000;

/** A batch's references: where its files are, and the addresses that each brief sends for them. */
export class ReferenceLedger {
  constructor(
    private readonly redis: Redis,
    private readonly keys: BatchKeys,
    private readonly account: Pick<AccountKeys, 'gate' | 'clock'>,
  ) {}

  /** Notes where files are; what was noted before of the same content is replaced. */
  async keepFiles(files: readonly ReferenceFile[]): Promise<void> {
    for (let at = 0; at < files.length; at += filesAtOnce) {
      const fields = files
        .slice(at, at + filesAtOnce)
        .flatMap(({ sha256, ...file }) => [sha256, JSON.stringify(file)]);
      await this.redis.hset(this.keys.files, ...fields);
    }
  }

  /** All that were noted. */
  async files(): Promise<ReferenceFile[]> {
    const texts = Object.entries(await this.redis.hgetall(this.keys.files));
    return texts.map(([sha256, text]) => ({ sha256, ...fileSchema.parse(JSON.parse(text)) }));
  }

  /** Null where nobody has noted it. */
  async file(sha256: string): Promise<ReferenceFile | null> {
    const text = await this.redis.hget(this.keys.files, sha256);
    return text === null ? null : { sha256, ...fileSchema.parse(JSON.parse(text)) };
  }

  async addresses(briefId: string): Promise<Addresses | null> {
    return readAddresses(await this.redis.hget(this.keys.addresses, briefId));
  }

  /** Everything that decides whether a brief's references are to be uploaded now, in one round trip. */
  async look(briefId: string): Promise<ReferenceLook> {
    const looking = this.redis
      .pipeline()
      .hget(this.keys.state, briefId)
      .hget(this.keys.addresses, briefId)
      .hmget(this.keys.meta, 'paused', 'cancelled', 'capped')
      .hmget(this.account.gate, 'halted', 'parked', 'probe_at', 'down_until')
      .exec();
    const [replies, nowMs] = await Promise.all([
      looking,
      readLedgerMs(this.redis, this.account.clock),
    ]);
    const [state, addresses, batch, gate] = (replies ?? []).map(([error, reply]) => {
      if (error) throw error;
      return reply;
    }) as [string | null, string | null, Fields, Fields];
    return {
      read: state === null ? null : decodeState(state),
      addresses: readAddresses(addresses),
      submissions: batch.some(Boolean) || isClosed(gate, nowMs) ? 'held' : 'open',
      nowMs,
    };
  }

  /** `overtaken`: the brief has moved since `from` was read, and its addresses are as they were. */
  async saveAddresses(
    briefId: string,
    from: ReadState,
    addresses: Addresses,
  ): Promise<'saved' | 'overtaken'> {
    const { state, addresses: key } = this.keys;
    const [saved] = await compareAndSet(this.redis, {
      keys: [state, key],
      values: [briefId, from.text, briefId, JSON.stringify(addresses)],
    });
    return saved === 1 ? 'saved' : 'overtaken';
  }

  /** Puts back what a lost Redis took along of a send (S1). */
  async restoreAddresses(
    briefId: string,
    { attempt, items }: Pick<Addresses, 'attempt' | 'items'>,
  ): Promise<void> {
    const addresses = { attempt, items, sends: 0, oldestMs: 0, renewals: 0, refused: false };
    await this.redis.hset(this.keys.addresses, briefId, JSON.stringify(addresses));
  }

  /** A finished brief sends nothing any more. */
  async dropAddresses(briefId: string): Promise<void> {
    await this.redis.hdel(this.keys.addresses, briefId);
  }

  /** Counts one request in the batch's report. */
  async countUpload(): Promise<void> {
    await runScript(this.redis, 'count', {
      keys: [this.keys.meta],
      values: ['createdAt', 'uploads', 1],
    });
  }
}

/** Which of these files any batch names that has not left Redis. */
export async function neededFiles(
  redis: Redis,
  prefix: string,
  sha256s: readonly string[],
): Promise<Set<string>> {
  const needed = new Set<string>();
  for (const batch of await redis.smembers(batchesKey(prefix))) {
    const left = sha256s.filter((sha256) => !needed.has(sha256));
    if (left.length === 0) break;
    const places = await redis.hmget(batchKeys(prefix, batch).files, ...left);
    left.forEach((sha256, index) => {
      if (places[index]) needed.add(sha256);
    });
  }
  return needed;
}

type Fields = (string | null)[];

function readAddresses(text: string | null): Addresses | null {
  return text === null ? null : addressesSchema.parse(JSON.parse(text));
}

/** Out of credits, only the one submission that is to find out whether there are some again is wanted. */
function isClosed([halted, parked, probeAt, downUntil]: Fields, nowMs: number): boolean {
  if (halted) return true;
  if (Number(downUntil ?? 0) > nowMs) return true;
  return Boolean(parked) && Number(probeAt ?? 0) > nowMs;
}

/** Whether a brief refers to files, which are sent as the addresses of their uploads. */
export function needsUploads({ body }: StoredContent): boolean {
  return placeholdersIn(body).length > 0;
}

/**
 * Whether the addresses of an attempt are still to be made, or are too old for its first send. Once they were sent
 * they are what they are: the same attempt is the same bytes (S1).
 */
export function lacksAddresses(
  { read, addresses, submissions, nowMs }: ReferenceLook,
  attempt: number,
): boolean {
  const state = read?.state;
  // One that is elsewhere, or would get no leave, is told so where it asks for leave; nothing is uploaded for it.
  if (state?.stage !== 'admitted' || state.attempt !== attempt) return false;
  if (submissions === 'held') return false;
  if (addresses?.attempt !== attempt) return true;
  if (state.sends > addresses.sends) return false;
  return nowMs - addresses.oldestMs >= uploadLifeMs;
}
