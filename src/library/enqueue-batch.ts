import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { atOnce } from '../batch/admit.js';
import { withQueues } from '../batch/batch-context.js';
import type { Comparison } from '../batch/compare.js';
import { admitBatch, beginBatch, openBatch, refuseCancelled } from '../batch/continue-batch.js';
import { type CompiledInput, compileInput, makeInputFolder } from '../producer/compile-input.js';
import { chooseChecks } from '../producer/options.js';
import type { Rejection } from '../producer/rejection.js';
import { claimOutputFolder } from '../results/output-folder.js';
import { openOutput } from '../results/output-places.js';
import { readModelList } from '../session/model-list.js';
import { fetcherFor } from '../session/open-client.js';
import { batchContext, openAccount, type StoreSession } from '../session/store-session.js';
import { checkBatchName } from '../shared/batch-name.js';
import type { JsonValue } from '../shared/json.js';
import { type Connection, connected } from './connection.js';

/** One row of input: the keys that mean something by themselves, and any others, which come back in the line's `input`. */
export interface BriefInput {
  /** Unique in its batch; absent: a hash of the content. */
  id?: string;
  /** Absent: that of the options. */
  model?: string;
  prompt?: string;
  params?: { [key: string]: JsonValue };
  /** Paths or URLs. */
  references?: readonly string[];
  metadata?: JsonValue;
  [column: string]: JsonValue | readonly string[] | undefined;
}

export interface EnqueueOptions extends Connection {
  /** Folder of the results; absent: the worker's own. */
  out?: string;
  /** For rows that name none. */
  model?: string;
  /** A template over the row's keys, such as `Photo of {{title}}`; it wins over the rows' own `prompt`. */
  prompt?: string;
  /** Defaults of all rows; values may be templates. */
  params?: Readonly<Record<string, string>>;
  /** A template for the names of files; absent: the ids. */
  fileName?: string;
  /** From 1. */
  variants?: number;
  /** Credits. */
  maxCredits?: number;
  /** Credits of a UTC day. */
  maxCreditsPerDay?: number;
  /** Among the open batches of the account, the higher goes first. */
  priority?: number;
  /** What becomes of rows that cannot be used; absent: for any of them, nothing is queued. */
  invalid?: 'refuse' | 'skip';
  /** Ends the admission; what was queued stays, and the same call goes on with the rest. */
  signal?: AbortSignal;
}

export type Enqueued =
  | {
      kind: 'queued';
      batch: string;
      /** Briefs of this input, those that the batch had already included. */
      briefs: number;
      duplicates: number;
      /** Rows that were left out, because of `invalid: 'skip'`: the first hundred of their faults. */
      rejected: number;
      rejections: Rejection[];
      /** What the input was to the batch. */
      compared: Pick<Comparison, 'same' | 'changed' | 'fresh' | 'gone' | 'undecided'>;
    }
  /** Rows that cannot be used: nothing was queued. */
  | { kind: 'refused'; batch: string; rejected: number; rejections: Rejection[] }
  /** By the signal. */
  | { kind: 'stopped'; batch: string };

/** Calls for one batch go one after the other: each is compared with what the one before it has queued. */
const turns = new Map<string, Promise<unknown>>();

/**
 * Checks rows as `rivya-batch check` does and queues their briefs, which workers of the same Redis and key then make. A batch
 * that is there takes what it does not have yet, and makes anew what has changed; the same rows again change nothing.
 * @throws BatchError `bad_input`, `bad_configuration`, `batch_conflict`, `redis_unreachable`, ...
 */
export async function enqueueBatch(
  name: string,
  rows: AsyncIterable<BriefInput> | Iterable<BriefInput>,
  options: EnqueueOptions = {},
): Promise<Enqueued> {
  const batch = checkBatchName(name);
  const before = turns.get(batch);
  const turn = (async () => {
    await before?.catch(() => undefined);
    return connected(options, (session) => enqueue(session, batch, rows, options));
  })();
  turns.set(batch, turn);
  try {
    return await turn;
  } finally {
    if (turns.get(batch) === turn) turns.delete(batch);
  }
}

async function enqueue(
  session: StoreSession,
  batch: string,
  rows: AsyncIterable<BriefInput> | Iterable<BriefInput>,
  options: EnqueueOptions,
): Promise<Enqueued> {
  const { settings } = session;
  const list = await readModelList(settings);
  const folder = await makeInputFolder();
  try {
    const file = join(folder, `${batch}.jsonl`);
    await spool(file, rows);
    const input = await compileInput({
      ...readingOptions(options),
      files: [file],
      format: 'jsonl',
      // Relative references begin where the program runs.
      folders: [process.cwd()],
      models: list.models,
      checks: chooseChecks(list, {}),
      fetchReference: fetcherFor(settings),
    });
    try {
      return await admit(session, { batch, input, options, models: list.models });
    } finally {
      await input.dispose();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function readingOptions({ model, prompt, params = {}, fileName, variants = 1 }: EnqueueOptions) {
  return {
    delimiter: null,
    items: null,
    id: null,
    limit: null,
    model: model ?? null,
    prompt: prompt ?? null,
    params: Object.entries(params).map(([key, template]) => ({ key, template })),
    fileName: fileName ?? null,
    variants,
  };
}

const charactersAtOnce = 1 << 18;

/** Any number of rows, in constant memory: they are read twice. */
async function spool(
  path: string,
  rows: AsyncIterable<BriefInput> | Iterable<BriefInput>,
): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    let text = '';
    for await (const row of rows) {
      text += `${JSON.stringify(row)}\n`;
      if (text.length < charactersAtOnce) continue;
      await file.appendFile(text);
      text = '';
    }
    await file.appendFile(text);
  } finally {
    await file.close();
  }
}

const mostRejections = 100;

async function firstRejections(input: CompiledInput): Promise<Rejection[]> {
  const first: Rejection[] = [];
  for await (const rejection of input.rejections()) {
    first.push(rejection);
    if (first.length === mostRejections) break;
  }
  return first;
}

interface Admission {
  batch: string;
  input: CompiledInput;
  options: EnqueueOptions;
  models: Parameters<typeof batchContext>[2];
}

async function admit(
  session: StoreSession,
  { batch, input, options, models }: Admission,
): Promise<Enqueued> {
  const { invalid = 'refuse', maxCredits, maxCreditsPerDay, priority } = options;
  const { rejected, briefs, duplicates } = input.counts;
  const rejections = rejected === 0 ? [] : await firstRejections(input);
  if (rejected > 0 && invalid === 'refuse') return { kind: 'refused', batch, rejected, rejections };
  const out = options.out ? (await openOutput(session.settings, options.out)).folder : '';
  if (out !== '') await claimOutputFolder(out, batch);
  const context = batchContext(session, openAccount(session), models);
  const opened = await openBatch(context, {
    ...{ batch, out, input, priority },
    sources: [`${batch}.jsonl`],
    command: null,
    caps: { batch: maxCredits, day: maxCreditsPerDay },
    minSize: undefined,
    webhook: undefined,
    mode: 'go_on',
    force: 'none',
    changes: 'made_when_idle',
  });
  refuseCancelled(opened.meta);
  const { same, changed, fresh, gone, undecided } = opened.comparison;
  if (opened.news === 'some') {
    await beginBatch(opened);
    const stopping = options.signal ?? new AbortController().signal;
    const { admitted } = await withQueues(context, batch, (queues) =>
      admitBatch(opened, queues, atOnce(stopping)),
    );
    if (admitted === 'stopped') return { kind: 'stopped', batch };
  }
  const compared = { same, changed, fresh, gone, undecided };
  return { kind: 'queued', batch, briefs, duplicates, rejected, rejections, compared };
}
