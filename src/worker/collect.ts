import type { ReadTaskOutcome } from '../rivya/outcome.js';
import { parseBody, parseContent } from '../shared/brief-content.js';
import type { ReadState, StateOf } from '../shared/ledger/brief-state.js';
import { inFlightMember } from '../shared/ledger/keys.js';
import { assetName, canonicalName } from './asset-name.js';
import type { DownloadPlace } from './download-places.js';
import { finishBrief } from './finish-brief.js';
import type { UncollectedCode } from './plan-reopening.js';
import { type SaveOutcome, saveAssets } from './save-asset.js';
import type { StageContext } from './stage-context.js';
import { type StageJob, type Step, stepFor } from './stage-step.js';

type ReadyBrief = ReadState<StateOf<'ready'>>;
type Trouble = Exclude<SaveOutcome, { kind: 'saved' }>;

const retrySpacingMs = 5_000;
const longestRetryMs = 60_000;
/** To ask the task as well takes its share of the pace. */
const longestRereadMs = 5 * 60_000;
/** After so long without its files a paid brief gets a line `unknown`; the next run tries again. */
const collectDeadlineMs = 60 * 60_000;

/** A server that says nothing is waited for so long at first, and longer the longer the file has been due. */
const firstPatienceMs = 10_000;
const longestPatienceMs = 60_000;

/** The stage context of a machine that has the output folder, for one job. */
export interface CollectContext extends StageContext {
  out: string;
  place: DownloadPlace;
  /** A file cannot be fetched for the time being. */
  noteTrouble(reason: string): void;
  /** Whether what was just saved is in the batch's folder, and not in one that took its place (S5). */
  folderIsHere(): Promise<boolean>;
}

/** The collect stage: every result file is on disk, complete, before the line that names it (S5). */
export async function collectAssets(context: CollectContext, job: StageJob): Promise<Step> {
  const read = await context.ledger.briefs.read(job.briefId);
  if (read?.state.stage !== 'ready' || read.state.attempt !== job.attempt) {
    return stepFor(read?.state ?? null);
  }
  const brief = { text: read.text, state: read.state };
  if (!job.urls?.length) return rereadTask(context, job, brief);
  const saved = await saveAll(context, { ...job, urls: job.urls }, brief.state);
  if (saved.kind === 'saved') {
    if (!(await context.folderIsHere())) return { kind: 'later', afterMs: retrySpacingMs };
    const end = {
      status: 'succeeded',
      error: null,
      assets: saved.assets,
      urls: job.urls,
    } as const;
    return finishBrief(context, job.briefId, { from: brief, end });
  }
  return actOnTrouble(context, { ...job, urls: job.urls }, { brief, trouble: saved });
}

type JobWithUrls = StageJob & { urls: string[] };

async function saveAll(
  context: CollectContext,
  { briefId, attempt, urls }: JobWithUrls,
  { completedAt }: StateOf<'ready'>,
): Promise<SaveOutcome> {
  const { ledger, nonce, out, place, clock } = context;
  const { wanted, promised } = await expectationOf(context, briefId);
  const name = await ledger.briefs.claimName(briefId, canonicalName(wanted));
  const count = urls.length;
  const dueForMs = clock.now() - completedAt;
  return saveAssets(context.downloader, {
    urls,
    out,
    promised,
    manner: {
      idleTimeoutMs: Math.min(longestPatienceMs, Math.max(firstPatienceMs, dueForMs / 4)),
      onStanding: () => place.stand(),
    },
    claimPlain: (state) => ledger.briefs.claimPlainName(briefId, attempt, state),
    nameFor: (extension, index, marked) =>
      assetName({
        ...{ briefId, wanted, nonce, index, count, extension, name },
        attempt: marked === 'marked' ? attempt : null,
      }),
  });
}

/** What the files are to be called, and what they are to be. */
async function expectationOf({ ledger, categoryOf }: CollectContext, briefId: string) {
  const content = await ledger.briefs.readContent(briefId);
  // It goes when the brief has succeeded: then this job changes nothing any more.
  if (content === null) return { wanted: briefId, promised: null };
  const { origin, body } = parseContent(content);
  return { wanted: origin.name ?? briefId, promised: categoryOf(parseBody(body).model) };
}

async function actOnTrouble(
  context: CollectContext,
  job: JobWithUrls,
  { brief, trouble }: { brief: ReadyBrief; trouble: Trouble },
): Promise<Step> {
  switch (trouble.kind) {
    case 'gone': {
      const reason = `The file's server answered HTTP ${trouble.httpStatus}.`;
      return askTaskAgain(context, job, { brief, reason });
    }
    case 'something_else':
      // An expired link may answer 200 with a page, so a fresh one is asked for.
      return askTaskAgain(context, job, { brief, reason: trouble.reason });
    case 'url_refused':
      return endFailed(context, job, {
        brief,
        code: 'result_url_refused',
        message: trouble.reason,
      });
    case 'too_large':
      return endFailed(context, job, {
        brief,
        code: 'result_too_large',
        message: `The result is larger than ${trouble.maxBytes} bytes.`,
      });
    case 'unavailable': {
      const { reason, retryAfterMs } = trouble;
      return tryLater(context, job, { brief, reason, retryAfterMs, longestMs: longestRetryMs });
    }
    default:
      return trouble satisfies never;
  }
}

/**
 * A link that does not lead to the file may be spent, so the task is asked for a fresh one at once; or the file
 * is late (links of CDNs come alive minutes after they were given out), so that both are asked again, spaced.
 */
async function askTaskAgain(
  context: CollectContext,
  job: JobWithUrls,
  { brief, reason }: { brief: ReadyBrief; reason: string },
): Promise<Step> {
  if (!job.rereads) return rereadTask(context, job, brief);
  return withoutLinks(
    job,
    await tryLater(context, job, {
      brief,
      reason,
      retryAfterMs: null,
      longestMs: longestRereadMs,
    }),
  );
}

/** What comes later begins with the task, not with links that have shown that they lead nowhere. */
function withoutLinks({ rereads = 0 }: StageJob, step: Step): Step {
  return step.kind === 'later' ? { ...step, fresh: { urls: [], rereads } } : step;
}

interface Waiting {
  brief: ReadyBrief;
  reason: string;
  /** What the other side asks for. */
  retryAfterMs: number | null;
  /** Where it asks for nothing. */
  longestMs: number;
  /** What is missing in the end. */
  missing?: 'file' | 'link';
}

/** Waits for what may come right; after an hour the brief gets a line, so that its batch can end (S4). */
async function tryLater(
  context: CollectContext,
  job: StageJob,
  { brief, reason, retryAfterMs, longestMs, missing = 'file' }: Waiting,
): Promise<Step> {
  const { attempt, taskId: task, completedAt } = brief.state;
  context.log.debug({ brief: job.briefId, attempt, task, reason }, 'file not fetched');
  const waitingMs = context.clock.now() - completedAt;
  const leftMs = collectDeadlineMs - waitingMs;
  if (leftMs > 0) {
    context.noteTrouble(reason);
    const spacingMs = Math.min(longestMs, Math.max(retrySpacingMs, waitingMs));
    // Asked once more when the time is over, whatever the other side wanted to wait for.
    return { kind: 'later', afterMs: Math.min(retryAfterMs ?? spacingMs, leftMs) };
  }
  if (missing === 'link') {
    const message =
      'The API reported success and named no result file for an hour; "rivya-batch retry" looks at the task again and pays for nothing.';
    return endFailed(context, job, { brief, code: 'succeeded_no_output', message });
  }
  const error = {
    code: 'download_unavailable' satisfies UncollectedCode,
    message: `The result could not be fetched for an hour (${reason.replace(/\.$/, '')}); the next run of this batch tries again and pays for nothing.`,
    request_id: null,
  };
  const end = { status: 'unknown', error, assets: [], urls: job.urls ?? [] } as const;
  return finishBrief(context, job.briefId, { from: brief, end });
}

/** The task could not be asked for its URLs; a 429 moves the shared pace like any other (S7). */
async function notRead(
  context: CollectContext,
  job: StageJob,
  { brief, outcome }: { brief: ReadyBrief; outcome: Exclude<ReadTaskOutcome, { kind: 'read' }> },
): Promise<Step> {
  const waiting = { brief, longestMs: longestRetryMs };
  if (outcome.kind !== 'refused') {
    return tryLater(context, job, { ...waiting, reason: outcome.reason, retryAfterMs: null });
  }
  const { kind, message: reason, retryAfterMs } = outcome.refusal;
  if (kind !== 'rate_limited') return tryLater(context, job, { ...waiting, reason, retryAfterMs });
  const waitMs = await context.pacer.refused('read', retryAfterMs);
  context.notify({ kind: 'throttled', waitMs });
  return tryLater(context, job, { ...waiting, reason, retryAfterMs: waitMs });
}

/** Asks the task for fresh URLs: where those that were given lead nowhere, where there were none, or a crash lost them. */
async function rereadTask(
  context: CollectContext,
  job: StageJob,
  brief: ReadyBrief,
): Promise<Step> {
  const turn = await context.pacer.turn(inFlightMember(context.batch, job.briefId));
  if (turn.kind === 'too_far') return { kind: 'later', afterMs: turn.waitMs };
  const outcome = await context.client.readTask(brief.state.taskId);
  if (outcome.kind !== 'read') return notRead(context, job, { brief, outcome });
  const to: StateOf<'ready'> = {
    ...brief.state,
    checks: brief.state.checks + 1,
  };
  const moved = await context.ledger.briefs.move(job.briefId, {
    from: brief,
    to,
    holds: 'credits',
  });
  if (moved.kind === 'passed') return stepFor(moved.state);
  const { urls } = outcome.task;
  if (urls.length === 0) {
    const reason = 'The API reports success and names no result file.';
    const waiting = { brief: moved.brief, reason, retryAfterMs: null, longestMs: longestRereadMs };
    return withoutLinks(job, await tryLater(context, job, { ...waiting, missing: 'link' }));
  }
  // Into the job together with the count: a crash before that asks once more, one after it uses what was found.
  const rereads = (job.rereads ?? 0) + (job.urls?.length ? 1 : 0);
  return { kind: 'later', afterMs: 0, fresh: { urls, rereads } };
}

function endFailed(
  context: CollectContext,
  job: StageJob,
  { brief, code, message }: { brief: ReadyBrief; code: UncollectedCode; message: string },
): Promise<Step> {
  const error = { code, message, request_id: null };
  const end = { status: 'failed', error, assets: [], urls: job.urls ?? [] } as const;
  return finishBrief(context, job.briefId, { from: brief, end });
}
