import { decodeState, encodeState } from '../ledger/brief-state.js';
import { moves } from '../ledger/moves.js';
import type { RewriteEntry } from '../ledger/rewrite-ledger.js';
import { parseContent, priceKind, type RequestBody } from '../shared/brief.js';
import type { ManifestLine } from '../shared/manifest-line.js';
import { type TaskCategory, watchedAs } from '../shared/task-category.js';

/** Code of a line whose task was left behind by `cancel --abandon`. */
export const abandonedCode = 'abandoned';

/**
 * Codes of lines whose task succeeded, and is paid, while its files could not be had: whatever is done about them
 * begins with another look at the task. `download_failed` stands in lines of earlier versions.
 */
const uncollectedCodes = [
  'download_unavailable',
  'succeeded_no_output',
  'result_url_refused',
  'result_too_large',
  'download_failed',
] as const;

export type UncollectedCode = (typeof uncollectedCodes)[number];

/** How a brief that has its line can be opened again. */
export type Reopening =
  /** Its task is looked at again, under the same attempt: pays for nothing (S3). */
  | { kind: 'reread'; entry: RewriteEntry }
  /** A new attempt, which is paid; where the last one's outcome is not known, perhaps for the second time (S1). */
  | { kind: 'new_attempt'; entry: RewriteEntry; body: RequestBody; earlier: 'over' | 'in_doubt' }
  /** What is to be sent is not in the ledger any more. */
  | { kind: 'no_content' }
  /** The ledger knows of another attempt or outcome than this line. */
  | { kind: 'other_state' };

export interface LinedBrief {
  line: ManifestLine;
  /** What the ledger has of it; null for nothing. */
  stateText: string | null;
  content: string | null;
  categoryOf(model: string): TaskCategory | null;
  /** Number of the run that a new attempt belongs to. */
  run: number;
}

/** Decides, for one line, what opening its brief again means. */
export function planReopening(lined: LinedBrief): Reopening {
  const { line, stateText, content, categoryOf } = lined;
  const state = stateText === null ? null : decodeState(stateText).state;
  const matches =
    state?.stage === 'lined' && state.attempt === line.attempt && state.status === line.status;
  if (stateText === null || !matches) return { kind: 'other_state' };
  if (content === null) return { kind: 'no_content' };
  const { request: body } = parseContent(content);
  const { fingerprint, run } = state;
  const admittedAt = Date.parse(line.times.admitted);
  const earlier = outcomeOf(line);
  const { status } = line;
  if (earlier !== 'over' && line.task_id !== null) {
    const category = watchedAs(categoryOf(body.model));
    const checks = line.requests.status_checks;
    const to = moves.watchedAgain(state, {
      taskId: line.task_id,
      category,
      kind: priceKind(body),
      reserved: line.credits.reserved,
      submittedAt: Date.parse(line.times.submitted ?? line.times.admitted),
      admittedAt,
      sends: line.requests.submits,
      checks,
    });
    const { attempt } = to;
    const entry = {
      from: stateText,
      to: encodeState(to),
      status,
      run,
      stage: 'status',
      attempt,
      checks,
    } as const;
    return { kind: 'reread', entry: { ...entry, ...leftBehind(line, body) } };
  }
  const to = moves.opened(state, { fingerprint, admittedAt, run: lined.run });
  const { attempt } = to;
  const entry = {
    from: stateText,
    to: encodeState(to),
    status,
    run,
    stage: 'submit',
    attempt,
    checks: 0,
  } as const;
  return { kind: 'new_attempt', entry, body, earlier: earlier === 'over' ? 'over' : 'in_doubt' };
}

/**
 * Whether the last attempt is known to be over: nobody has seen the end of an unknown or abandoned one, and one
 * whose task succeeded has a result that is only to be fetched.
 */
function outcomeOf({ status, error }: ManifestLine): 'over' | 'in_doubt' | 'succeeded' {
  if (status === 'succeeded') return 'over';
  const code = error?.code ?? '';
  if ((uncollectedCodes as readonly string[]).includes(code)) return 'succeeded';
  return status === 'unknown' || code === abandonedCode ? 'in_doubt' : 'over';
}

/** What a task was taken to have cost whose line is not `unknown`: of those nothing was counted as spent. */
function leftBehind(line: ManifestLine, body: RequestBody): Pick<RewriteEntry, 'left'> {
  const credits = line.credits.final ?? line.credits.reserved ?? 0;
  if (line.status === 'unknown' || credits === 0) return {};
  const day = (line.times.submitted ?? line.times.admitted).slice(0, 10);
  return { left: { credits: String(credits), day, kind: priceKind(body) } };
}
