import { z } from 'zod';
import { inputFormats } from '../producer/options.js';

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
  format: z.enum(inputFormats).nullable(),
  delimiter: z.string().nullable(),
  headerRow: z.number().int().positive().nullable().default(null),
  sheet: z.string().nullable().default(null),
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
        references: z.string().nullable().default(null),
        after: z.array(z.string()).default([]),
        approve: z.boolean().default(false),
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
  /** Absolute folder, or `s3://bucket/prefix`; each batch has a place of its name below. */
  out: z.string(),
  overlap: z.enum(overlapRules),
  missed: z.enum(missedRules),
  /** Rows that cannot be used are left out, or keep the whole run from starting. */
  badRows: z.enum(['skip', 'refuse']),
  input: inputSchema,
  /** Credits; null leaves what a batch has, 'none' lifts it. */
  caps: z.object({ batch: capSchema, day: capSchema }),
  /** What a picture has to have at least. */
  minSize: z
    .union([z.object({ width: z.number(), height: z.number() }), z.literal('none')])
    .nullable()
    .default(null),
  /** Of its batches. */
  priority: z.number().int().default(0),
  /** Where the recipe was that said how the input is read, as it was then; null for none. */
  recipe: z.string().nullable().default(null),
  /** How many of its runs are kept, and for how many days; of null, no limit. With neither, all are. */
  keep: z
    .object({
      runs: z.number().int().positive().nullable(),
      days: z.number().positive().nullable(),
    })
    .default({ runs: null, days: null }),
  state: z.enum(['active', 'paused']),
  /** Absent where each run makes its whole input; else it takes over what the batch before it made of the same content. */
  makes: z.literal('only_changed').optional(),
});

export type Schedule = z.infer<typeof scheduleSchema>;
/** How its input is read. */
export type ScheduleInput = Schedule['input'];

const run = {
  /** The scheduled time of a tick; of a run by hand, `hand-` and the moment. */
  id: z.string(),
  trigger: z.enum(['tick', 'hand']),
  scheduledMs: z.number(),
  /** Later ticks that came due before a worker took this one: this run stands for them too. */
  missed: z.number(),
};
const withBatch = { ...run, batch: z.string(), out: z.string() };
/** When its results were put away, in ms since the epoch; null while they are kept. */
const putAway = { putAwayMs: z.number().nullable().default(null) };

const skipReasons = ['overlap', 'another_waits', 'missed'] as const;
export type SkipReason = (typeof skipReasons)[number];

const stopReasons = ['capped', 'no_credits', 'key_refused'] as const;
export type StopReason = (typeof stopReasons)[number];

const countsSchema = z.object({
  admitted: z.number(),
  succeeded: z.number(),
  failed: z.number(),
  unknown: z.number(),
  cancelled: z.number(),
  rejected: z.number(),
  /** Of the succeeded: taken over from the batch before. */
  taken_over: z.number().default(0),
});

/** One run of a schedule: its batch, and how far it came. `exitCode` is what `run` would have ended with. */
const scheduleRunSchema = z.discriminatedUnion('stage', [
  /** Its turn comes when the batch before it is finished. */
  z.object({ stage: z.literal('waiting'), ...withBatch, behind: z.string(), sinceMs: z.number() }),
  /** Input is being read, checked and queued; after a crash this is repeated under the same name (S1). */
  z.object({
    stage: z.literal('starting'),
    ...withBatch,
    sinceMs: z.number(),
    tries: z.number(),
    trouble: z.string().nullable(),
    /** As it was when the run began: one that is changed meanwhile does not disturb it. Null in records of earlier versions. */
    schedule: scheduleSchema.nullable().default(null),
  }),
  /** Everything is queued. */
  z.object({
    stage: z.literal('running'),
    ...withBatch,
    sinceMs: z.number(),
    stopped: z.enum(stopReasons).nullable(),
  }),
  z.object({
    stage: z.literal('ended'),
    ...withBatch,
    endedMs: z.number(),
    exitCode: z.number(),
    counts: countsSchema.nullable(),
    /** Credits. */
    spent: z.number(),
    ...putAway,
  }),
  z.object({
    stage: z.literal('skipped'),
    ...run,
    endedMs: z.number(),
    reason: z.enum(skipReasons),
    behind: z.string().nullable(),
  }),
  /** The input could not be used: nothing was sent. */
  z.object({
    stage: z.literal('refused'),
    ...withBatch,
    endedMs: z.number(),
    exitCode: z.number(),
    message: z.string(),
    ...putAway,
  }),
]);

export type ScheduleRun = z.infer<typeof scheduleRunSchema>;
export type RunStage = ScheduleRun['stage'];
export type RunOf<S extends RunStage> = Extract<ScheduleRun, { stage: S }>;

/** A run as it was read: `text` is what a change must still find. */
export interface ReadRun<R extends ScheduleRun = ScheduleRun> {
  text: string;
  run: R;
}

export function encodeRun(scheduleRun: ScheduleRun): string {
  return JSON.stringify(scheduleRun);
}

export function decodeRun(text: string): ReadRun {
  return { text, run: scheduleRunSchema.parse(JSON.parse(text)) };
}

/** What a run with a batch keeps, however far it comes. */
export function lastingFacts(scheduleRun: Exclude<ScheduleRun, { stage: 'skipped' }>) {
  const { id, trigger, scheduledMs, missed, batch, out } = scheduleRun;
  return { id, trigger, scheduledMs, missed, batch, out };
}

export type OpenRun = RunOf<'waiting' | 'starting' | 'running'>;

export type OverRun = RunOf<'ended' | 'refused'>;

/** Whether a run has had its batch, or none in its place. */
export function isOverRun(scheduleRun: ScheduleRun): scheduleRun is OverRun {
  return scheduleRun.stage === 'ended' || scheduleRun.stage === 'refused';
}

/** Whether a run's batch may still be going to be made. */
export function isOpen(scheduleRun: ScheduleRun): scheduleRun is OpenRun {
  const { stage } = scheduleRun;
  return stage === 'waiting' || stage === 'starting' || stage === 'running';
}
