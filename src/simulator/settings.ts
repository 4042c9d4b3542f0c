import { z } from 'zod';
import { BatchError } from '../shared/errors.js';
import { type FaultRule, faultRuleSchema } from './faults/fault.js';
import { parseFault } from './faults/parse-fault.js';

const rateLimitSchema = z.strictObject({
  /** Requests admitted per window and key; refused ones do not count. */
  limit: z.number().int().positive(),
  windowMs: z.number().int().positive().default(1000),
  /** `fixed` opens at its first request; `bucket` holds `limit` tokens and refills evenly. */
  window: z.enum(['fixed', 'sliding', 'bucket']).default('fixed'),
  /** How the refusal says when to come back. */
  retryAfter: z.enum(['seconds', 'date', 'none']).default('seconds'),
  headers: z.enum(['none', 'x-ratelimit']).default('none'),
});

export type RateLimit = z.infer<typeof rateLimitSchema>;

const apiKeySchema = z.strictObject({
  key: z.string().min(1),
  state: z.enum(['active', 'revoked', 'expired']).default('active'),
  /** Absent: all scopes. */
  scopes: z.array(z.string()).optional(),
});

const faultSettingSchema = z.preprocess((value, context) => {
  if (typeof value !== 'string') return value;
  try {
    return parseFault(value);
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
    return z.NEVER;
  }
  // A preprocessed schema admits to no input type; a union of two would hide what is wrong with a text.
}, faultRuleSchema) as unknown as z.ZodType<FaultRule, string | z.input<typeof faultRuleSchema>>;

/** Everything that can be set at start and changed at run time, with the value it has otherwise. */
const settingsSchema = z.strictObject({
  seed: z.number().int().default(1),
  /** Task durations are divided by it; `Infinity` (in JSON: "infinity") ends every task at once. */
  speed: z
    .union([z.number().positive(), z.literal(Number.POSITIVE_INFINITY), z.literal('infinity')])
    .transform((speed) => (speed === 'infinity' ? Number.POSITIVE_INFINITY : speed))
    .default(1),
  /** Every task takes so long (before `speed`); null draws from its category's distribution. */
  durationMs: z.number().nonnegative().nullable().default(null),
  /** The wallet: shared by all keys; setting it again sets the balance. */
  credits: z.number().default(10_000),
  /** Accepted API keys; null accepts any that starts with `rvya_sk_`. */
  keys: z
    .array(z.union([apiKeySchema, z.string().transform((key) => apiKeySchema.parse({ key }))]))
    .nullable()
    .default(null),
  /** Over all endpoints together, per key; downloads are not counted. Null: no limit. */
  rate: rateLimitSchema.nullable().default(null),
  submitRate: rateLimitSchema.nullable().default(null),
  readRate: rateLimitSchema.nullable().default(null),
  /** Unfinished tasks above which a submission is refused with 429. */
  maxRunning: z.number().int().positive().nullable().default(null),
  /** What the same key with the same body does: nothing new, a second charge, or 409. */
  idempotency: z.enum(['replay', 'bills-twice', 'conflict']).default('replay'),
  /** After that long a key is forgotten, and would be charged again. */
  keyLifetimeMs: z.number().positive().nullable().default(null),
  /** Whether a refused submission is stored and answered again, with the same requestId. */
  replayRefusals: z.boolean().default(false),
  insufficientCredits: z.enum(['402', '400', '403', 'failed-task']).default('402'),
  successStatus: z.union([z.literal(200), z.literal(201), z.literal(202)]).default(200),
  /** `strict` also refuses unknown params, options that do not exist and numbers out of range. */
  paramChecks: z.enum(['required-only', 'strict']).default('required-only'),
  /** Credits by model id, in place of `base_credits`. */
  prices: z.record(z.string(), z.number().nonnegative()).default({}),
  /** Multiplies every price from now on. */
  priceFactor: z.number().nonnegative().default(1),
  /** final_credits of a success = reserved_credits x this. */
  finalFactor: z.number().nonnegative().default(1),
  /** By model id: fields to put over the listed item (or a new one), or null to unlist it. */
  models: z.record(z.string(), z.record(z.string(), z.unknown()).nullable()).default({}),
  /** All pictures are one ready-made 1x1 PNG: for benchmarks. */
  tinyMedia: z.boolean().default(false),
  /** Result links die so long after the read that showed them; null: never. */
  urlLifetimeMs: z.number().positive().nullable().default(null),
  expiredUrlStatus: z.union([z.literal(403), z.literal(410)]).default(403),
  /** Uploaded files can be referred to for so long; null: for ever. */
  uploadLifetimeMs: z.number().positive().nullable().default(null),
  /** What result URLs start with; null takes the Host header of the request that asks. */
  publicOrigin: z
    .url()
    .transform((origin) => origin.replace(/\/+$/, ''))
    .nullable()
    .default(null),
  /** Of the events that registered URLs are told of: how many arrive, how long after the end, how often each. */
  webhooks: z
    .strictObject({
      share: z.number().min(0).max(1).default(1),
      delayMs: z.number().nonnegative().default(200),
      copies: z.number().int().positive().default(1),
    })
    .prefault({}),
  /** Rules, as objects or in the text form of `parseFault`; replaced as a whole. */
  faults: z.array(faultSettingSchema).default([]),
});

export type Settings = z.output<typeof settingsSchema>;
export type SettingsPatch = z.input<typeof settingsSchema>;

/**
 * The current settings with the given ones over them; settings absent from both have their defaults.
 *
 * @throws BatchError `bad_configuration` listing every fault at once.
 */
export function applySettings(current: Partial<Settings>, patch: unknown): Settings {
  const isPatch = typeof patch === 'object' && patch !== null && !Array.isArray(patch);
  const parsed = settingsSchema.safeParse(isPatch ? { ...current, ...patch } : patch);
  if (parsed.success) return parsed.data;
  // A fault's sentence says which text it means; where else it was is known by a path.
  const faults = parsed.error.issues
    .map(({ path, message }) =>
      path.length === 0 || path[0] === 'faults' ? message : `${path.join('.')}: ${message}`,
    )
    .join('\n');
  throw new BatchError('bad_configuration', `Simulator settings: ${faults}`, {
    cause: parsed.error,
  });
}
