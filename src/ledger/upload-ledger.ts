import type { Redis } from 'ioredis';
import { z } from 'zod';
import { readLedgerMs } from './clock.js';
import type { AccountKeys } from './keys.js';

const uploadSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('uploaded'),
    url: z.string(),
    /** By which a chat names it; null where the API gives none, and in what an earlier version wrote. */
    fileId: z.string().nullable().default(null),
    /** What lets the API trust a video's or audio's length. */
    durationToken: z.string().nullable(),
    durationSeconds: z.number().nullable(),
    /** By Redis' clock. */
    uploadedAtMs: z.number(),
  }),
  /** Refused for good; remembered for a moment, so that briefs that share a file do not each find out. */
  z.object({
    kind: z.literal('refused'),
    code: z.string(),
    message: z.string(),
    requestId: z.string().nullable(),
  }),
]);

/** What the API made of one file for one model. */
export type Upload = z.infer<typeof uploadSchema>;
export type Uploaded = Extract<Upload, { kind: 'uploaded' }>;
type UploadRefusal = Extract<Upload, { kind: 'refused' }>;

/** How long an upload is taken to be usable; the API does not say (assumed). */
export const uploadLifeMs = 30 * 60_000;
const refusalLifeMs = 60_000;
/** Renewed while an upload is under way; one whose machine died holds others up no longer than this. */
export const uploadLockMs = 15_000;

export interface UploadSubject {
  sha256: string;
  model: string;
}

/** The uploads of one API origin and key: each file once for each model, over all batches and machines. */
export class UploadLedger {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Pick<AccountKeys, 'uploads' | 'clock'>,
  ) {}

  /** Null where there is none that may still be used. */
  async read(subject: UploadSubject): Promise<Upload | null> {
    const text = await this.redis.get(this.key(subject));
    return text === null ? null : uploadSchema.parse(JSON.parse(text));
  }

  async save(subject: UploadSubject, upload: Omit<Uploaded, 'uploadedAtMs'>): Promise<Uploaded> {
    const uploadedAtMs = await readLedgerMs(this.redis, this.keys.clock);
    const saved = { ...upload, uploadedAtMs };
    await this.redis.set(this.key(subject), JSON.stringify(saved), 'PX', uploadLifeMs);
    return saved;
  }

  async saveRefusal(subject: UploadSubject, refusal: UploadRefusal): Promise<void> {
    await this.redis.set(this.key(subject), JSON.stringify(refusal), 'PX', refusalLifeMs);
  }

  /** Forgets an upload whose address (or id) the API refused, unless somebody has made another one since. */
  async forget(subject: UploadSubject, address: string): Promise<void> {
    const upload = await this.read(subject);
    if (upload?.kind !== 'uploaded') return;
    if (upload.url === address || upload.fileId === address)
      await this.redis.del(this.key(subject));
  }

  /** One at a time: two that upload the same would do no harm, but twice the work. */
  async lock(subject: UploadSubject): Promise<'locked' | 'busy'> {
    const reply = await this.redis.set(this.lockKey(subject), '1', 'PX', uploadLockMs, 'NX');
    return reply === 'OK' ? 'locked' : 'busy';
  }

  async keepLock(subject: UploadSubject): Promise<void> {
    await this.redis.pexpire(this.lockKey(subject), uploadLockMs);
  }

  async unlock(subject: UploadSubject): Promise<void> {
    await this.redis.del(this.lockKey(subject));
  }

  private key({ sha256, model }: UploadSubject): string {
    return `${this.keys.uploads}${sha256}:${model}`;
  }

  private lockKey(subject: UploadSubject): string {
    return `${this.key(subject)}:lock`;
  }
}
