import type { BatchLedger } from '../ledger/batch-ledger.js';
import type { Finish, LedgerBrief } from '../ledger/brief-ledger.js';
import type { BriefState } from '../ledger/brief-state.js';
import type { Unfinished } from '../ledger/moves.js';
import { needsUploads } from '../ledger/reference-ledger.js';
import type { BriefResult } from '../ledger/result-ledger.js';
import { draftOf } from '../shared/brief.js';
import type { Asset, LineError, LineStatus, ManifestLine } from '../shared/manifest-line.js';
import { abandonedCode } from './plan-reopening.js';
import { resultOf } from './steps.js';

/** How a brief ended. */
export interface BriefEnd {
  status: LineStatus;
  error: LineError | null;
  /** Where it has files. */
  assets?: readonly Asset[];
  /** Where it succeeded, and some of its files are no result. */
  aside?: readonly Asset[];
  /** Full URLs; the line drops their query strings (S8). */
  urls?: readonly string[];
  /** What the API says was charged, where the state does not know it. */
  final?: number | null;
  /** When the task was seen to be over, likewise. */
  completedAt?: number;
  /** When it ended, likewise. */
  endedAt?: number;
}

/**
 * Puts the brief's one line into the outbox and moves it to its last stage (S4). Where it has moved since it was read,
 * nothing is changed, and what comes back is where it stands.
 */
export async function finishBrief(
  ledger: BatchLedger,
  brief: LedgerBrief,
  end: BriefEnd,
  nowMs: number,
): Promise<Finish> {
  const answer = await answerOf(ledger, brief);
  const line = buildLine(ledger.batch, brief, { ...end, answer }, nowMs);
  const finish = await ledger.briefs.finish(brief.id, {
    from: brief,
    line: JSON.stringify(line),
    status: end.status,
    // Nobody will learn what a task cost that is left behind: without a stated price it stays reserved (S6).
    charged: line.credits.final ?? line.credits.reserved ?? (end.status === 'cancelled' ? null : 0),
    checks: line.requests.status_checks,
    // The file of an answer is written, and not fetched.
    downloads: line.urls.length === 0 ? 0 : line.assets.length + (line.aside?.length ?? 0),
    nowMs,
    output: line.output,
    // Its row does not say what it was made from, and its folder may be lost.
    content: line.input_prompt === undefined ? 'dropped_with_success' : 'kept',
    ...resultKept(line, answer),
  });
  if (finish.kind === 'finished' && needsUploads(brief.content)) {
    await ledger.references.dropAddresses(brief.id);
  }
  return finish;
}

/** Steps that come after it need its result; an answer is in its line by now. */
function resultKept(
  line: ManifestLine,
  answer: BriefResult | null,
): { result?: BriefResult | 'drop' } {
  if (line.output !== undefined && line.status === 'succeeded') return { result: resultOf(line) };
  return answer === null ? {} : { result: 'drop' };
}

/** What a chat has said, however its brief ends; null for none. */
async function answerOf(
  { results }: BatchLedger,
  { id, state, content }: LedgerBrief,
): Promise<BriefResult | null> {
  const isAnswered = content.request.endpoint === 'chat' && state.stage === 'ready';
  return isAnswered ? results.of(id, state.attempt) : null;
}

function buildLine(
  batch: string,
  { id, state, content }: LedgerBrief,
  {
    status,
    error,
    assets = [],
    aside = [],
    urls = [],
    final,
    completedAt,
    endedAt,
    answer,
  }: BriefEnd & { answer: BriefResult | null },
  nowMs: number,
): ManifestLine {
  const facts = factsOf(state);
  const ended = facts.endedAt ?? endedAt;
  const { origin, request } = content;
  const draft = draftOf(content);
  return {
    brief_id: id,
    batch,
    seq: state.seq,
    source: origin.source,
    row: origin.row,
    status,
    ...(origin.output !== undefined && { output: origin.output }),
    ...(origin.after !== undefined && { after: origin.after }),
    ...(draft !== null && { draft }),
    ...(origin.name === undefined ? {} : { name: origin.name }),
    model: request.model,
    prompt: request.prompt ?? null,
    ...(origin.inputPrompt !== undefined && { input_prompt: origin.inputPrompt }),
    params: request.params ?? {},
    references: origin.references,
    metadata: origin.metadata,
    task_id: facts.taskId,
    attempt: state.attempt,
    credits: { reserved: facts.reserved, final: final ?? facts.final },
    urls: urls.map(withoutQuery),
    assets: [...assets],
    ...(aside.length > 0 && { aside: [...aside] }),
    error,
    requests: { submits: facts.submits, status_checks: facts.checks },
    times: {
      admitted: new Date(facts.admittedAt).toISOString(),
      submitted: isoOrNull(facts.submittedAt),
      ...(ended !== undefined && { ended: new Date(ended).toISOString() }),
      completed: isoOrNull(facts.completedAt ?? completedAt ?? null),
      collected: assets.length > 0 ? new Date(nowMs).toISOString() : null,
    },
    input: origin.input,
    ...(request.endpoint === 'chat' && {
      text: answer?.text ?? null,
      session_id: answer?.sessionId ?? null,
      usage: usageOf(answer),
    }),
    run: state.run ?? null,
    from: null,
  };
}

function usageOf(answer: BriefResult | null): ManifestLine['usage'] {
  if (!answer?.usage) return null;
  const { inputTokens, outputTokens, totalTokens } = answer.usage;
  return { input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: totalTokens };
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
  endedAt?: number | undefined;
}

function factsOf(state: Unfinished): Facts {
  const none = { taskId: null, reserved: null, final: null, checks: 0, completedAt: null };
  switch (state.stage) {
    case 'waiting':
      return { ...none, submits: 0, admittedAt: state.admittedAt, submittedAt: null };
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
 * How a brief ends whose batch is cancelled; null for one that goes on to its own end. One that was never sent, or only
 * refused, costs nothing.
 */
export function cancellationOf(state: BriefState, mode: CancelMode): BriefEnd | null {
  switch (state.stage) {
    case 'waiting':
    case 'admitted': {
      const message =
        'The batch was cancelled before this brief was submitted; nothing was charged.';
      return { status: 'cancelled', error: { code: 'cancelled', message, request_id: null } };
    }
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

function abandoned(before: string): BriefEnd {
  const message = `${before}; the batch was cancelled and its result is not waited for.`;
  return { status: 'cancelled', error: { code: abandonedCode, message, request_id: null } };
}
