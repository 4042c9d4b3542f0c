import type { BatchLedger } from '../ledger/batch-ledger.js';
import type { BriefState, ReadState } from '../ledger/brief-state.js';
import { needsUploads } from '../ledger/reference-ledger.js';
import { parseBody, parseContent } from '../shared/brief.js';
import type { Clock } from '../shared/clock.js';
import type { Asset, LineError, LineStatus, ManifestLine } from '../shared/manifest-line.js';
import { abandonedCode } from './plan-reopening.js';

/** How a brief ended. */
interface BriefEnd {
  status: LineStatus;
  error: LineError | null;
  assets: readonly Asset[];
  /** Full URLs; the line drops their query strings (S8). */
  urls: readonly string[];
  /** What the API says was charged, where the state does not know it. */
  final?: number | null;
  /** When the task was seen to be over, likewise. */
  completedAt?: number;
}

/** A brief has got its line. */
export interface LinedNotice {
  kind: 'lined';
  briefId: string;
  status: LineStatus;
  error: LineError | null;
}

/** What ending a brief needs: a batch can be cancelled where no worker runs. */
export interface FinishContext {
  batch: string;
  ledger: BatchLedger;
  clock: Clock;
  notify(notice: LinedNotice): void;
}

export interface Ending {
  from: ReadState;
  end: BriefEnd;
}

/** `finished`, or where the brief is that somebody else has moved; null where its state, or its content, is missing. */
export type Finish = 'finished' | BriefState | null;

/** Puts the brief's one line into the outbox and moves it to its last stage (S4). */
export async function finishBrief(
  context: FinishContext,
  briefId: string,
  { from, end }: Ending,
): Promise<Finish> {
  const content = await context.ledger.briefs.readContent(briefId);
  if (content === null) {
    const state = (await context.ledger.briefs.read(briefId))?.state ?? null;
    // Content goes when its brief succeeds, and never before.
    return state?.stage === 'lined' ? state : null;
  }
  const line = buildLine(context, briefId, { from, end, content });
  const finished = await context.ledger.briefs.finish(briefId, {
    from,
    line: JSON.stringify(line),
    status: end.status,
    // Nobody will learn what a task cost that is left behind: without a stated price it stays reserved (S6).
    charged: line.credits.final ?? line.credits.reserved ?? (end.status === 'cancelled' ? null : 0),
    checks: line.requests.status_checks,
    downloads: end.assets.length,
    nowMs: context.clock.now(),
  });
  if (finished.kind === 'passed') return finished.state;
  if (needsUploads(content)) await context.ledger.references.dropAddresses(briefId);
  context.notify({ kind: 'lined', briefId, status: end.status, error: end.error });
  return 'finished';
}

function buildLine(
  context: FinishContext,
  briefId: string,
  ending: Ending & { content: string },
): ManifestLine {
  const { origin, body } = parseContent(ending.content);
  const { model, prompt, params } = parseBody(body);
  const { state } = ending.from;
  const facts = factsOf(state);
  const now = context.clock.now();
  return {
    brief_id: briefId,
    batch: context.batch,
    seq: state.seq,
    source: origin.source,
    row: origin.row,
    status: ending.end.status,
    ...(origin.name === undefined ? {} : { name: origin.name }),
    model,
    prompt: prompt ?? null,
    params: params ?? {},
    references: origin.references,
    metadata: origin.metadata,
    task_id: facts.taskId,
    attempt: state.attempt,
    credits: { reserved: facts.reserved, final: ending.end.final ?? facts.final },
    urls: ending.end.urls.map(withoutQuery),
    assets: [...ending.end.assets],
    error: ending.end.error,
    requests: { submits: facts.submits, status_checks: facts.checks },
    times: {
      admitted: new Date(facts.admittedAt).toISOString(),
      submitted: isoOrNull(facts.submittedAt),
      completed: isoOrNull(facts.completedAt ?? ending.end.completedAt ?? null),
      collected: ending.end.assets.length > 0 ? new Date(now).toISOString() : null,
    },
    input: origin.input,
    run: state.run ?? null,
    from: null,
  };
}

interface Facts {
  taskId: string | null;
  reserved: number | null;
  final: number | null;
  submits: number;
  checks: number;
  admittedAt: number;
  submittedAt: number | null;
  completedAt: number | null;
}

function factsOf(state: BriefState): Facts {
  const none = { taskId: null, reserved: null, final: null, checks: 0, completedAt: null };
  switch (state.stage) {
    case 'admitted':
      return { ...none, submits: state.sends, admittedAt: state.admittedAt, submittedAt: null };
    case 'submitting': {
      const { sends, admittedAt, firstSentAt } = state;
      return { ...none, submits: sends, admittedAt, submittedAt: firstSentAt };
    }
    case 'accepted':
      return { ...none, ...state, submits: state.sends };
    case 'ready':
      return { ...state, submits: state.sends };
    case 'lined':
      throw new Error('a brief that has its line cannot get another');
    default:
      return state satisfies never;
  }
}

function isoOrNull(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}

/** A result URL's query may be a token: it is kept nowhere but in the collect job (S8). */
function withoutQuery(url: string): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

/** What a cancelled batch does with briefs that are under way: collect them (S3), or leave them behind. */
export type CancelMode = 'collect' | 'abandon';

/**
 * The line of a brief that its batch's cancelling ends; `goes_on` for one that goes on to its own end.
 * One that was never sent, or only refused, costs nothing.
 */
export async function cancelBrief(
  context: FinishContext,
  briefId: string,
  { from, mode }: { from: ReadState; mode: CancelMode },
): Promise<Finish | 'goes_on'> {
  const error = errorFor(from, mode);
  if (error === null) return 'goes_on';
  const end = { status: 'cancelled', error, assets: [], urls: [] } as const;
  return finishBrief(context, briefId, { from, end });
}

function errorFor({ state }: ReadState, mode: CancelMode): LineError | null {
  switch (state.stage) {
    case 'admitted':
      return {
        code: 'cancelled',
        message: 'The batch was cancelled before this brief was submitted; nothing was charged.',
        request_id: null,
      };
    case 'submitting':
      return mode === 'abandon'
        ? abandoned('It was sent, and whether the API took it was not known yet')
        : null;
    case 'accepted':
    case 'ready':
      return mode === 'abandon' ? abandoned('Its task was paid for') : null;
    case 'lined':
      return null;
    default:
      return state satisfies never;
  }
}

function abandoned(before: string): LineError {
  return {
    code: abandonedCode,
    message: `${before}; the batch was cancelled and its result is not waited for.`,
    request_id: null,
  };
}
