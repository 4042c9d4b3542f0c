import { z } from 'zod';
import { type RequestIds, requestIdsSchema } from '../shared/brief.js';
import { BatchError } from '../shared/errors.js';
import { lineStatusSchema } from '../shared/manifest-line.js';
import { parseSize } from '../shared/picture-size.js';

/** What a batch is; fixed when it is created. */
export type BatchIdentity = {
  origin: string;
  /** Hash over origin and API key; the key itself is nowhere (S8). */
  account: string;
  /** Absolute folder of the results, or '' for a batch that leaves it to the workers. */
  out: string;
  /** '' unless `--fresh` asked for a new start (S1). */
  nonce: string;
  createdAt: number;
  requestIds: RequestIds;
};

/** What the last input was, as a whole; the rest of S4's sum is counted as it happens. */
export type BatchCounts = {
  rows: number;
  rejected: number;
  duplicates: number;
  /** How many briefs the batch has once all of it is admitted, those of earlier inputs included. */
  whole: number;
};

/** The command that a batch was last begun with, as it can be given again from any folder; no secret is in it (S8). */
const keptCommandSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('kept'),
    name: z.enum(['run', 'enqueue']),
    /** Absolute paths; none where a recipe names them. */
    files: z.array(z.string()),
    /** Flags with their values as they were typed, or as the environment had them; null for a switch. */
    options: z.array(z.tuple([z.string(), z.string().nullable()])),
  }),
  /** What was read once cannot be read again; what holds a secret is not kept. */
  z.object({ kind: z.literal('not_kept'), why: z.enum(['read_once', 'secret']) }),
]);

export type KeptCommand = z.infer<typeof keptCommandSchema>;

const count = z.number().int().nonnegative();
const linesOfEach = z.record(lineStatusSchema, count);

/** What a person may give a batch as its priority; 0 where nobody said anything. */
export const priorities = { least: -100, most: 100 } as const;

/** What is known of a batch wherever it stands. */
const facts = {
  name: z.string(),
  origin: z.string(),
  account: z.string(),
  out: z.string(),
  nonce: z.string(),
  createdAt: z.number(),
  requestIds: requestIdsSchema,
  rows: count,
  rejected: count,
  duplicates: count,
  /** Names of the input's files, as given. */
  sources: z.array(z.string()),
  /** What began it last; null where that was a schedule, or an earlier version. */
  command: keptCommandSchema.nullable(),
  admitted: count,
  /** Briefs of its input that are still to be admitted; none of a batch that is cancelled. */
  toCome: count,
  lines: linesOfEach,
  /** Credits charged, as the API states them. */
  spent: z.number(),
  /** Credits held for tasks that are not known to be over. */
  reserved: z.number(),
  maxCredits: z.number().nullable(),
  maxCreditsPerDay: z.number().nullable(),
  /** Pictures that are smaller are no result; null where any size will do. */
  minSize: z.object({ width: count, height: count }).nullable(),
  /** Among the open batches of its account, the higher goes first; 0 where nobody said anything. */
  priority: z.number().int(),
  requests: z.object({
    submits: count,
    statusChecks: count,
    downloads: count,
    uploads: count,
    refused: count,
  }),
  /** Admissions and retries that had something to make, in their order; those of earlier versions are not among them. */
  runs: z.array(
    z.object({
      /** From 1. */
      run: count,
      /** Ms since the epoch; null where that was lost. */
      atMs: z.number().nullable(),
      /** Lines of the manifest that it made, as they stand now: one that is made anew goes over to the later run. */
      lines: linesOfEach,
    }),
  ),
  /** Outputs of its recipe in their order, with how many briefs of each its input has; none where a row makes one. */
  outputs: z.array(z.object({ name: z.string(), whole: count, lines: linesOfEach })),
  /** Number of the run that makes everything of its input anew; null where none does, or it was finished. */
  forcedRun: count.nullable(),
  /** Lines that were taken over from an earlier batch of its schedule. */
  takenOver: count,
  /** How often its admission was opened again, or briefs of it were. */
  admissions: count,
  /** Digest of an input of which it has every brief with that very content; null where none is known. */
  knownInput: z.string().nullable(),
  /** The API has taken at least one of its submissions. */
  accepted: z.boolean(),
  /** A machine without the output folder submits for this batch. */
  elsewhere: z.boolean(),
  /** Somebody queued something for it without naming its folder, and may do so again where it is not. */
  placeless: z.boolean(),
  /** Ms since the epoch: when its closing files were written last, or its briefs came back; null where nobody noted it. */
  endedAt: z.number().nullable(),
  /** What it made is known from its folder alone: Redis has this record of it, and none of its briefs. */
  shelved: z.boolean(),
  /**
   * What an earlier life left in the folder: its manifest is not adopted as a whole yet; or its journal may know of
   * briefs that were not admitted since; or all is known here.
   */
  folder: z.enum(['adopting', 'taken_over', 'known']),
};

/** While there is something to submit. */
const submitting = {
  /** Its queue of submissions is: the one place where a batch is paused, whoever does it. */
  paused: z.boolean(),
  /** Which cap keeps the next submission from being sent, if one does. */
  capped: z.enum(['cap', 'day_cap']).nullable(),
};

/** Once nothing more is submitted. */
const closing = {
  /** `manifest.csv` and `run.json` stand for the lines of the latest admission. */
  finalized: z.boolean(),
};

/** Where a batch stands; `pending` counts what is admitted and has no line. */
const batchMetaSchema = z.discriminatedUnion('stage', [
  /** Its input is not admitted as a whole. */
  z.object({ stage: z.literal('admitting'), ...facts, ...submitting, pending: count }),
  z.object({ stage: z.literal('running'), ...facts, ...submitting, pending: count.positive() }),
  /** Every brief of it has its line. */
  z.object({ stage: z.literal('finished'), ...facts, ...closing, pending: z.literal(0) }),
  /** Takes no more briefs and submits none; what had been submitted is collected (S3). */
  z.object({ stage: z.literal('cancelled'), ...facts, ...closing, pending: count }),
]);

export type BatchMeta = z.infer<typeof batchMetaSchema>;

/**
 * Reads the meta hash; null when it is empty.
 * @throws BatchError `state_lost` for one that cannot be: more lines than briefs, a count that is no number
 */
export function readMeta(
  name: string,
  fields: Record<string, string>,
  submitQueue: 'going' | 'paused' = 'going',
): BatchMeta | null {
  if (fields.account === undefined) return null;
  const parsed = batchMetaSchema.safeParse({
    ...factsIn(name, fields),
    ...stageIn(fields, submitQueue),
  });
  if (parsed.success) return parsed.data;
  const faulty = new Set(parsed.error.issues.map(({ path }) => path.join('.')));
  throw new BatchError(
    'state_lost',
    `What Redis holds of batch ${name} cannot be read (${[...faulty].join(', ')}): another program, or another version of rivya-batch, has written it. Use the latest version, and a --prefix or a Redis that nothing else uses.`,
    { cause: parsed.error },
  );
}

function factsIn(name: string, fields: Record<string, string>) {
  const number = (field: string) => Number(fields[field] ?? 0);
  const orNull = (field: string) => (fields[field] === undefined ? null : number(field));
  const {
    account,
    origin = '',
    out = '',
    nonce = '',
    sources = '[]',
    command,
    requestIds = 'none',
  } = fields;
  return {
    ...{ name, account, origin, out, nonce, requestIds },
    createdAt: number('createdAt'),
    rows: number('rows'),
    rejected: number('rejected'),
    duplicates: number('duplicates'),
    sources: JSON.parse(sources) as unknown,
    command: command === undefined ? null : (JSON.parse(command) as unknown),
    admitted: number('admitted'),
    toCome: isAdmitting(fields) ? Math.max(0, number('whole') - number('admitted')) : 0,
    lines: linesIn(fields, 'lines'),
    spent: number('spent'),
    reserved: number('reserved'),
    maxCredits: orNull('max_credits'),
    maxCreditsPerDay: orNull('max_credits_per_day'),
    minSize: parseSize(fields.min_size ?? ''),
    priority: number('priority'),
    requests: {
      submits: number('submits'),
      statusChecks: number('status_checks'),
      downloads: number('downloads'),
      uploads: number('uploads'),
      refused: number('refused'),
    },
    runs: Array.from({ length: number('run') }, (_, index) => {
      const run = index + 1;
      return { run, atMs: orNull(`run:${run}:at`), lines: linesIn(fields, `run:${run}`) };
    }),
    outputs: outputsIn(fields),
    forcedRun: fields.forced === fields.forced_done ? null : orNull('forced'),
    takenOver: number('taken_over'),
    admissions: number('admissions'),
    knownInput: knownInputIn(fields),
    accepted: fields.accepted === '1',
    elsewhere: fields.elsewhere === '1',
    placeless: fields.placeless === '1',
    endedAt: orNull('ended_at'),
    shelved: fields.shelved !== undefined,
    folder: folderIn(fields),
  };
}

/** Whatever gives a brief another content raises `admissions` first; what is admitted with another one is marked `unlike`. */
function knownInputIn({ input = '', admissions = '0', unlike }: Record<string, string>) {
  const end = input.indexOf(' ');
  const isKnown = end > 0 && input.slice(0, end) === admissions && unlike !== admissions;
  return isKnown ? input.slice(end + 1) : null;
}

function folderIn({ ready, adopting }: Record<string, string>): BatchMeta['folder'] {
  if (ready === '1') return 'known';
  return adopting === '1' ? 'adopting' : 'taken_over';
}

/** `cancel` completes what is under way of it. */
function isAdmitting({ admission, cancelled }: Record<string, string>): boolean {
  return admission !== 'complete' && cancelled !== '1';
}

function stageIn(fields: Record<string, string>, submitQueue: 'going' | 'paused') {
  const lined = Object.values(linesIn(fields, 'lines')).reduce((sum, lines) => sum + lines, 0);
  const pending = Number(fields.admitted ?? 0) - lined;
  const { admissions = '0', finalized, capped = null } = fields;
  const closed = { pending, finalized: finalized === admissions };
  const open = { pending, paused: submitQueue === 'paused', capped };
  if (fields.cancelled === '1') return { stage: 'cancelled', ...closed };
  if (isAdmitting(fields)) return { stage: 'admitting', ...open };
  return pending === 0 ? { stage: 'finished', ...closed } : { stage: 'running', ...open };
}

/** Names with how many briefs of each there are. */
const outputsSchema = z.array(z.tuple([z.string(), count]));

function outputsIn(fields: Record<string, string>) {
  const outputs = outputsSchema.parse(JSON.parse(fields.outputs ?? '[]'));
  return outputs.map(([name, whole]) => ({
    name,
    whole,
    lines: linesIn(fields, `output:${name}`),
  }));
}

function linesIn(fields: Record<string, string>, head: string): Record<string, number> {
  const counts = lineStatusSchema.options.map((status) => [
    status,
    Number(fields[`${head}:${status}`] ?? 0),
  ]);
  return Object.fromEntries(counts) as Record<string, number>;
}

/** Nothing of this life was ever sent: what it does not know of, it cannot have made. */
export function neverSent({ accepted, lines, requests }: BatchMeta): boolean {
  const made = lines.succeeded + lines.failed + lines.unknown;
  return !accepted && made === 0 && requests.submits === 0;
}

/** Briefs without a line, those of its input that are still to be admitted included (S4). */
export function leftOf({ pending, toCome }: Pick<BatchMeta, 'pending' | 'toCome'>): number {
  return pending + toCome;
}

/** Briefs of its whole input and of those before (S4). */
export function wholeOf({ admitted, toCome }: Pick<BatchMeta, 'admitted' | 'toCome'>): number {
  return admitted + toCome;
}

/** All of its input is admitted, and every brief has its line. */
export function isOver({ stage, pending }: BatchMeta): boolean {
  return stage !== 'admitting' && pending === 0;
}

/** It is over, and its closing files are written. */
export function isFinalized(meta: BatchMeta | null): boolean {
  return meta !== null && 'finalized' in meta && meta.finalized && meta.pending === 0;
}

export function isPaused(meta: BatchMeta): boolean {
  return 'paused' in meta && meta.paused;
}

/** Which cap keeps the next submission from being sent; null where none does. */
export function cappedBy(meta: BatchMeta): 'cap' | 'day_cap' | null {
  return 'capped' in meta ? meta.capped : null;
}

/** Briefs that have their line, and did not succeed. */
export function withoutSuccess({ lines }: Pick<BatchMeta, 'lines'>): number {
  return lines.failed + lines.unknown + lines.cancelled;
}

/** Where a batch stands, in words for people. */
export function batchState(
  meta: BatchMeta,
): 'cancelled' | 'finished' | 'paused' | 'being queued' | 'open' {
  switch (meta.stage) {
    case 'cancelled':
    case 'finished':
      return meta.stage;
    case 'admitting':
      return meta.paused ? 'paused' : 'being queued';
    case 'running':
      return meta.paused ? 'paused' : 'open';
    default:
      return meta satisfies never;
  }
}

/** The command that makes the open briefs of a batch, in words: its own again, or a worker where it was only queued. */
export function wordsThatGoOn({ name, command }: BatchMeta): string[] {
  return command?.kind === 'kept' && command.name === 'run' ? ['continue', name] : ['worker'];
}
