import { z } from 'zod';

/** What became of the last notice that a run's webhook was sent; `triesLeft` is 0 where it was given up. */
const toldSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('taken'), event: z.string(), atMs: z.number() }),
  z.object({
    kind: z.literal('refused'),
    event: z.string(),
    atMs: z.number(),
    /** Holds nothing of the URL (S8). */
    reason: z.string(),
    triesLeft: z.number(),
  }),
]);
export type Told = z.infer<typeof toldSchema>;

const run = {
  /** The scheduled time of a tick; of a run by hand, `hand-` and the moment. */
  id: z.string(),
  trigger: z.enum(['tick', 'hand']),
  scheduledMs: z.number(),
  /** Later ticks that came due before a worker took this one: this run stands for them too. */
  missed: z.number(),
  /** Null while no webhook was told of it, and in records of versions that did not keep it. */
  told: toldSchema.nullable().default(null),
};
const placed = { ...run, batch: z.string(), out: z.string() };

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
  z.object({ stage: z.literal('waiting'), ...placed, behind: z.string(), sinceMs: z.number() }),
  /** Input is being read, checked and queued; after a crash this is repeated under the same name (S1). */
  z.object({
    stage: z.literal('starting'),
    ...placed,
    sinceMs: z.number(),
    tries: z.number(),
    trouble: z.string().nullable(),
  }),
  /** Everything is queued. */
  z.object({
    stage: z.literal('running'),
    ...placed,
    sinceMs: z.number(),
    stopped: z.enum(stopReasons).nullable(),
  }),
  z.object({
    stage: z.literal('ended'),
    ...placed,
    endedMs: z.number(),
    exitCode: z.number(),
    counts: countsSchema.nullable(),
    /** Credits. */
    spent: z.number(),
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
    ...placed,
    endedMs: z.number(),
    exitCode: z.number(),
    message: z.string(),
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
export function placeOf(scheduleRun: Exclude<ScheduleRun, { stage: 'skipped' }>) {
  const { id, trigger, scheduledMs, missed, told, batch, out } = scheduleRun;
  return { id, trigger, scheduledMs, missed, told, batch, out };
}

export type OpenRun = RunOf<'waiting' | 'starting' | 'running'>;

/** Whether a run's batch may still be going to be made. */
export function isOpen(scheduleRun: ScheduleRun): scheduleRun is OpenRun {
  const { stage } = scheduleRun;
  return stage === 'waiting' || stage === 'starting' || stage === 'running';
}
