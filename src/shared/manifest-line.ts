import { z } from 'zod';
import type { Draft, DraftText } from './draft.js';
import type { JsonObject, JsonValue } from './json.js';

/** Taken as it is: copied member by member, a column called `__proto__` would be lost. */
const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  { error: 'must be an object' },
);
const jsonValue = z.unknown() as unknown as z.ZodType<JsonValue>;

const assetSchema = z.object({
  /** Relative to the manifest's folder, with forward slashes on every system. */
  path: z.string().min(1),
  bytes: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  media_type: z.string(),
  /** Of a picture, in pixels, as it is looked at; absent where the file does not say, and in lines of earlier versions. */
  width: z.number().int().positive().optional(),
  height: z.number().int().positive().optional(),
});

/** What a turn of a chat has taken; null for what the API does not say. */
const usageSchema = z.object({
  input_tokens: z.number().nullable(),
  output_tokens: z.number().nullable(),
  total_tokens: z.number().nullable(),
});

export const lineStatusSchema = z.enum(['succeeded', 'failed', 'unknown', 'cancelled']);

/** One brief's record in `manifest.jsonl`: the fields are a contract with users' scripts. */
export const manifestLineSchema = z.object({
  brief_id: z.string().min(1),
  batch: z.string().min(1),
  /** Position of the brief in its batch, from 1: the order of admission. */
  seq: z.number().int().positive(),
  source: z.string(),
  row: z.number().int(),
  status: lineStatusSchema,
  /** The recipe's output that it is; absent where a row makes one brief. */
  output: z.string().optional(),
  /** What a step comes after. */
  after: z
    .array(
      z.object({
        output: z.string(),
        id: z.string(),
        fingerprint: z.string(),
        approve: z.literal(true).optional(),
      }),
    )
    .optional(),
  /** What a step's prompt, params and references are made from: see `draft.ts`. */
  draft: (jsonObject as unknown as z.ZodType<Draft>).optional(),
  /** What `--name` made of the row; absent where files are named after the id. */
  name: z.string().optional(),
  model: z.string(),
  prompt: z.string().nullable(),
  /** What the row gives, where a person's words were sent in its place; of a step as its draft has it. */
  input_prompt: z
    .union([z.string(), z.array(z.unknown()) as unknown as z.ZodType<DraftText>])
    .optional(),
  params: jsonObject,
  references: z.array(z.string()),
  metadata: jsonValue,
  task_id: z.string().nullable(),
  attempt: z.number().int().positive(),
  credits: z.object({ reserved: z.number().nullable(), final: z.number().nullable() }),
  /** Result URLs without their query strings, which may be tokens (S8). */
  urls: z.array(z.string()),
  assets: z.array(assetSchema),
  /** Files of a brief that succeeded which are no result: kept apart, and named so that nobody has to wonder. */
  aside: z.array(assetSchema).optional(),
  error: z
    .object({ code: z.string(), message: z.string(), request_id: z.string().nullable() })
    .nullable(),
  requests: z.object({ submits: z.number().int(), status_checks: z.number().int() }),
  /** ISO 8601 in UTC; null where that point was not reached. */
  times: z.object({
    admitted: z.string(),
    submitted: z.string().nullable(),
    /** When the task ended, as the API says, by the clock of the other times; absent where it did not say. */
    ended: z.string().optional(),
    completed: z.string().nullable(),
    collected: z.string().nullable(),
  }),
  input: jsonObject,
  /** Of a turn of a chat, its reply, and null where there is none; no other line has it, nor the next two. */
  text: z.string().nullable().optional(),
  session_id: z.string().nullable().optional(),
  /** Tokens, as the API states them. */
  usage: usageSchema.nullable().optional(),
  /** Number of the batch's run that made it; null in lines of earlier versions, and where `from` says who did. */
  run: z.number().int().positive().nullable().default(null),
  /** The batch that made it, where a schedule's later batch has taken it over. */
  from: z.string().nullable().default(null),
});

export type ManifestLine = z.infer<typeof manifestLineSchema>;
export type LineStatus = z.infer<typeof lineStatusSchema>;
export type Asset = z.infer<typeof assetSchema>;
export type LineError = NonNullable<ManifestLine['error']>;
