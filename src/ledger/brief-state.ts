import { z } from 'zod';
import { type LineStatus, lineStatusSchema } from '../shared/manifest-line.js';
import { taskCategorySchema } from '../shared/task-category.js';

const madeBy = {
  /** Number of the run that began this attempt; absent in states that an earlier version wrote. */
  run: z.number().int().positive().optional(),
};

/**
 * Where a brief stands: the ledger's stage is the authority, moved by compare-and-set.
 * What a stage needs lives on that stage. All times are milliseconds since the epoch.
 */
const admitted = {
  attempt: z.number().int().positive(),
  fingerprint: z.string(),
  seq: z.number().int().positive(),
  admittedAt: z.number(),
  ...madeBy,
};

const sending = {
  ...admitted,
  /** POSTs sent for this brief, refused ones included. */
  sends: z.number().int(),
  /** `requestId` of the last refusal: the same one again means that the API replays it (S1). */
  refusalId: z.string().nullable(),
};

const accepted = {
  ...admitted,
  sends: z.number().int(),
  taskId: z.string(),
  reserved: z.number().nullable(),
  submittedAt: z.number(),
  /** Decides how often and how long the task is looked at. */
  category: taskCategorySchema,
  /** Status checks sent so far. */
  checks: z.number().int(),
  /** See `priceKind`. Null, as `runningAt`, in states that an earlier version wrote. */
  kind: z.string().nullable().default(null),
  /** When a check last found the task running; null before the first that did. */
  runningAt: z.number().nullable().default(null),
};

const briefStateSchema = z.discriminatedUnion('stage', [
  /** A step whose body is not fixed yet: what it comes after has not succeeded, or waits for a person's yes. */
  z.object({ stage: z.literal('waiting'), ...admitted }),
  z.object({ stage: z.literal('admitted'), ...sending }),
  /** Saved before the first send (S1); `firstSentAt` starts the key's clock. */
  z.object({
    stage: z.literal('submitting'),
    ...sending,
    firstSentAt: z.number(),
    /** After a lost Redis: this attempt was sent with other content than there is now, so it cannot be sent again. */
    sentOther: z.literal(true).optional(),
  }),
  z.object({ stage: z.literal('accepted'), ...accepted }),
  /** Succeeded and charged; what is left is to fetch the files. */
  z.object({
    stage: z.literal('ready'),
    ...accepted,
    final: z.number().nullable(),
    completedAt: z.number(),
    /** When the task ended, as the API says, by the clock of the other times; absent where it did not say. */
    endedAt: z.number().optional(),
  }),
  /** Its line is in the outbox or in the manifest: nothing is left to do. */
  z.object({
    stage: z.literal('lined'),
    attempt: z.number().int().positive(),
    fingerprint: z.string(),
    seq: z.number().int().positive(),
    status: lineStatusSchema,
    ...madeBy,
  }),
]);

export type BriefState = z.infer<typeof briefStateSchema>;
export type Stage = BriefState['stage'];
export type StateOf<S extends Stage> = Extract<BriefState, { stage: S }>;

/** Its stage, or how it ended: as people are told where a brief stands. */
export function standingOf(state: BriefState): Exclude<Stage, 'lined'> | LineStatus {
  return state.stage === 'lined' ? state.status : state.stage;
}

/** A state as read, with the exact text that compare-and-set compares. */
export interface ReadState<S extends BriefState = BriefState> {
  text: string;
  state: S;
}

/**
 * `stage|attempt|fingerprint|{the rest}`: what Lua needs to see stands in front of the JSON. Of a finished brief the rest
 * is `seq,status,run`: there may be a million of them.
 */
export function encodeState(state: BriefState): string {
  const { stage, attempt, fingerprint, ...rest } = state;
  const head = `${stage}|${attempt}|${fingerprint}|`;
  if (state.stage !== 'lined') return head + JSON.stringify(rest);
  return head + [state.seq, state.status, ...(state.run === undefined ? [] : [state.run])].join();
}

/** Earlier versions wrote JSON here too. */
function decodeRest(text: string): unknown {
  if (text.startsWith('{')) return JSON.parse(text);
  const [seq, status, run] = text.split(',');
  return { seq: Number(seq), status, ...(run === undefined ? {} : { run: Number(run) }) };
}

export function decodeState(text: string): ReadState {
  const afterStage = text.indexOf('|');
  const afterAttempt = text.indexOf('|', afterStage + 1);
  const afterFingerprint = text.indexOf('|', afterAttempt + 1);
  const state = briefStateSchema.parse({
    ...(decodeRest(text.slice(afterFingerprint + 1)) as object),
    stage: text.slice(0, afterStage),
    attempt: Number(text.slice(afterStage + 1, afterAttempt)),
    fingerprint: text.slice(afterAttempt + 1, afterFingerprint),
  });
  return { text, state };
}
