import type { ReadTaskOutcome } from '../rivya/outcome.js';
import { parseContent } from '../shared/brief-content.js';
import type { ReadState, StateOf } from '../shared/ledger/brief-state.js';
import { inFlightMember } from '../shared/ledger/keys.js';
import type { Asset, LineError } from '../shared/manifest-line.js';
import { assetName, canonicalName } from './asset-name.js';
import { finishBrief } from './finish-brief.js';
import { type SaveOutcome, saveAsset } from './save-asset.js';
import type { StageContext } from './stage-context.js';
import { type StageJob, type Step, stepFor } from './stage-step.js';

type ReadyBrief = ReadState<StateOf<'ready'>>;
type Trouble = Exclude<SaveOutcome, { kind: 'saved' }>;

const retrySpacingMs = 5_000;
const longestRetryMs = 60_000;
/** After so long without its files a paid brief gets a line `unknown`; the next run tries again. */
const collectDeadlineMs = 60 * 60_000;

/** The stage context of a machine that has the output folder. */
export interface CollectContext extends StageContext {
  out: string;
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
  if (!job.urls) return rereadTask(context, job, brief);
  if (job.urls.length === 0) return endWithout(context, job, brief);
  const saved = await saveAll(context, { ...job, urls: job.urls });
  if (saved.kind === 'all') {
    if (!(await context.folderIsHere())) return { kind: 'later', afterMs: retrySpacingMs };
    const end = {
      status: 'succeeded',
      error: null,
      assets: saved.assets,
      urls: job.urls,
    } as const;
    return finishBrief(context, job.briefId, { from: brief, end });
  }
  return actOnTrouble(context, { ...job, urls: job.urls }, { brief, trouble: saved.trouble });
}

type JobWithUrls = StageJob & { urls: string[] };

async function saveAll(
  context: CollectContext,
  job: JobWithUrls,
): Promise<{ kind: 'all'; assets: Asset[] } | { kind: 'trouble'; trouble: Trouble }> {
  const wanted = await wantedName(context, job.briefId);
  const name = await context.ledger.briefs.claimName(job.briefId, canonicalName(wanted));
  const assets: Asset[] = [];
  for (const [index, url] of job.urls.entries()) {
    const { briefId, attempt } = job;
    const { nonce } = context;
    const count = job.urls.length;
    const outcome = await saveAsset(context.downloader, {
      url,
      out: context.out,
      nameFor: (extension) =>
        assetName({ briefId, wanted, attempt, nonce, index, count, extension, name }),
    });
    if (outcome.kind !== 'saved') return { kind: 'trouble', trouble: outcome };
    assets.push(outcome.asset);
  }
  return { kind: 'all', assets };
}

async function wantedName({ ledger }: CollectContext, briefId: string): Promise<string> {
  const content = await ledger.briefs.readContent(briefId);
  return (content === null ? null : parseContent(content).origin.name) ?? briefId;
}

async function actOnTrouble(
  context: CollectContext,
  job: JobWithUrls,
  { brief, trouble }: { brief: ReadyBrief; trouble: Trouble },
): Promise<Step> {
  const fail = (code: string, message: string) =>
    endFailed(context, job, { brief, error: { code, message, request_id: null } });
  switch (trouble.kind) {
    case 'gone':
      if (!job.rereads) return rereadTask(context, job, brief);
      return fail(
        'download_failed',
        `The result link answered ${trouble.httpStatus}, and so did a fresh one.`,
      );
    case 'url_refused':
      return fail('result_url_refused', trouble.reason);
    case 'too_large':
      return fail('result_too_large', `The result is larger than ${trouble.maxBytes} bytes.`);
    case 'unavailable':
      return tryLater(context, job, { ...trouble, brief });
    default:
      return trouble satisfies never;
  }
}

/** Waits for what may come right; after an hour the brief gets a line, so that its batch can end (S4). */
async function tryLater(
  context: CollectContext,
  job: StageJob,
  { brief, ...trouble }: { brief: ReadyBrief; reason: string; retryAfterMs: number | null },
): Promise<Step> {
  const waitingMs = context.clock.now() - brief.state.completedAt;
  if (waitingMs < collectDeadlineMs) {
    const spacingMs = Math.min(longestRetryMs, Math.max(retrySpacingMs, waitingMs));
    const afterMs = trouble.retryAfterMs ?? spacingMs;
    return { kind: 'later', afterMs };
  }
  const error = {
    code: 'download_unavailable',
    message: `The result could not be fetched for an hour (${trouble.reason}); the next run of this batch tries again and pays for nothing.`,
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
  if (outcome.kind !== 'refused') {
    return tryLater(context, job, { brief, reason: outcome.reason, retryAfterMs: null });
  }
  const { kind, message: reason, retryAfterMs } = outcome.refusal;
  if (kind !== 'rate_limited') return tryLater(context, job, { brief, reason, retryAfterMs });
  const waitMs = await context.pacer.refused('read', retryAfterMs);
  context.notify({ kind: 'throttled', waitMs });
  return tryLater(context, job, { brief, reason, retryAfterMs: waitMs });
}

/** Asks the task for fresh URLs: once when they are spent, and whenever a crash lost them. */
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
  // Into the job together with the count: a crash before that asks once more, one after it uses what was found.
  const rereads = (job.rereads ?? 0) + (job.urls ? 1 : 0);
  return { kind: 'later', afterMs: 0, fresh: { urls: outcome.task.urls, rereads } };
}

/** Succeeded and charged, without a file to show for it: looked at once more, never paid again. */
async function endWithout(
  context: CollectContext,
  job: StageJob,
  brief: ReadyBrief,
): Promise<Step> {
  if (!job.rereads) return rereadTask(context, job, brief);
  const error = {
    code: 'succeeded_no_output',
    message: 'The API reports success and names no result file.',
    request_id: null,
  };
  return endFailed(context, job, { brief, error });
}

function endFailed(
  context: CollectContext,
  job: StageJob,
  { brief, error }: { brief: ReadyBrief; error: LineError },
): Promise<Step> {
  const end = { status: 'failed', error, assets: [], urls: job.urls ?? [] } as const;
  return finishBrief(context, job.briefId, { from: brief, end });
}
