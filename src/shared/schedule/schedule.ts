import { z } from 'zod';

/** What happens to a tick while the batch of an earlier one is not finished. */
export const overlapRules = ['skip', 'queue', 'both'] as const;
export type OverlapRule = (typeof overlapRules)[number];

/** What happens to ticks for which no worker was there. */
export const missedRules = ['once', 'none'] as const;
export type MissedRule = (typeof missedRules)[number];

const capSchema = z.union([z.number(), z.literal('none')]).nullable();

const paramsSchema = z.array(z.object({ key: z.string(), template: z.string() }));

/** How the input is read; what has a default is not in records of earlier versions. */
const inputSchema = z.object({
  format: z.enum(['csv', 'tsv', 'json', 'jsonl']).nullable(),
  delimiter: z.string().nullable(),
  headerRow: z.number().int().positive().nullable().default(null),
  items: z.string().nullable().default(null),
  model: z.string().nullable(),
  prompt: z.string().nullable(),
  id: z.string().nullable(),
  params: paramsSchema,
  variants: z.number().int().positive(),
  outputs: z
    .array(
      z.object({
        name: z.string(),
        model: z.string().nullable(),
        prompt: z.string().nullable(),
        params: paramsSchema,
        variants: z.number().int().positive().nullable(),
        when: z.array(z.string()),
      }),
    )
    .default([]),
  fillDown: z.array(z.string()).default([]),
  fillDownWithin: z.string().nullable().default(null),
  where: z.array(z.string()).default([]),
  unique: z.string().nullable().default(null),
  limit: z.number().int().positive().nullable(),
  sample: z.number().int().positive().nullable().default(null),
  references: z.string().nullable().default(null),
  fileName: z.string().nullable().default(null),
  /** A schedule of an earlier version kept HTML as it was. */
  html: z.enum(['to_text', 'keep']).default('keep'),
  /** Whether params that the list of models does not have are refused. */
  strict: z.boolean().default(false),
});

/** A schedule as it is kept; neither API key nor webhook are in it (S8). */
export const scheduleSchema = z.object({
  v: z.literal(1),
  name: z.string(),
  cron: z.string(),
  /** IANA name of the time zone. */
  zone: z.string(),
  /** Absolute paths and https URLs, read anew at each run. */
  files: z.array(z.string()).min(1),
  /** Absolute folder; each batch gets a folder of its name inside. */
  out: z.string(),
  overlap: z.enum(overlapRules),
  missed: z.enum(missedRules),
  /** Rows that cannot be used are left out, or keep the whole run from starting. */
  badRows: z.enum(['skip', 'refuse']),
  input: inputSchema,
  /** Credits; null leaves what a batch has, 'none' lifts it. */
  caps: z.object({ batch: capSchema, day: capSchema }),
  state: z.enum(['active', 'paused']),
  /** Absent where each run makes its whole input; else it takes over what the batch before it made of the same content. */
  makes: z.literal('only_changed').optional(),
});

export type Schedule = z.infer<typeof scheduleSchema>;

/** A file as it may be shown: a URL's query or login may be a secret (S8). */
export function shownFile(file: string): string {
  if (!isUrl(file)) return file;
  return file.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//');
}

export function isUrl(file: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(file);
}
