import type { BriefTexts } from '../ledger/brief-ledger.js';
import { decodeState } from '../ledger/brief-state.js';
import { moves } from '../ledger/moves.js';
import type { Opening } from '../ledger/reopened-ledger.js';
import {
  contentOfLine,
  draftContent,
  isUnfixed,
  parseContent,
  priceKind,
  rewordedContent,
} from '../shared/brief.js';
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

/**
 * `reread`: its task is looked at again, under the same attempt, which pays for nothing (S3). `new_attempt`: one that is
 * paid. `perhaps_again`: the same, while the outcome of the last one is not known, so it may be paid for the second time (S1).
 */
export type ReopenWay = 'reread' | 'new_attempt' | 'perhaps_again';

/** How a brief that has its line can be opened again. */
export interface Reopening {
  way: ReopenWay;
  opening: Opening;
  model: string;
  /** See `priceKind`. */
  kind: string;
}

/** What is wanted of a brief that has its line. */
export interface ReopenWish {
  /** A step whose brief before it is made anew is fixed anew. */
  because: 'itself' | 'step_before';
  /** A person's, in place of its prompt where a new attempt is made; null where that stays. */
  words: string | null;
}

/**
 * Decides, for one line, what opening its brief again means; null where the ledger knows of another attempt or outcome.
 * @param run number of the one that a new attempt belongs to
 */
export function planReopening(
  line: ManifestLine,
  { stateText, content: kept }: BriefTexts,
  categoryOf: (model: string) => TaskCategory | null,
  run: number,
  { because, words }: ReopenWish = { because: 'itself', words: null },
): Reopening | null {
  const read = stateText === null ? null : decodeState(stateText);
  if (read?.state.stage !== 'lined') return null;
  const { text, state } = read;
  if (state.attempt !== line.attempt || state.status !== line.status) return null;
  const made = kept ?? contentOfLine(line);
  const earlier = outcomeOf(line);
  // A step is fixed anew, with what it comes after as that is now: after a lost Redis, nobody knows its files else.
  const content = earlier === 'over' ? contentMade(made, words) : made;
  const { request: body } = parseContent(content);
  const { model } = body;
  const kind = priceKind(body);
  const base = {
    from: { text, state },
    content: kept === content ? null : content,
    left: null,
    output: line.output,
  };
  const { fingerprint } = state;
  const admittedAt = Date.parse(line.times.admitted);
  // It may have been paid, and what it was made of is not what it would be made of now.
  if (because === 'step_before' && earlier !== 'over') return null;
  // A turn of a chat is no task that could be looked at: what it said was in its answer.
  if (earlier !== 'over' && line.task_id !== null && body.endpoint !== 'chat') {
    const to = moves.watchedAgain(state, {
      taskId: line.task_id,
      category: watchedAs(categoryOf(model)),
      kind,
      reserved: line.credits.reserved,
      submittedAt: Date.parse(line.times.submitted ?? line.times.admitted),
      admittedAt,
      sends: line.requests.submits,
      checks: line.requests.status_checks,
    });
    return { way: 'reread', opening: { ...base, to, left: leftBehind(line, kind) }, model, kind };
  }
  const way = earlier === 'over' ? 'new_attempt' : 'perhaps_again';
  const as = isUnfixed(content) ? 'waiting' : 'admitted';
  const to = moves.opened(state, { fingerprint, admittedAt, run }, as);
  return { way, opening: { ...base, to }, model, kind };
}

function contentMade(made: string, words: string | null): string {
  const content = draftContent(made);
  return words === null ? content : rewordedContent(content, words);
}

/** How a brief of an input is opened that is known with other content, or is to be made anew. */
export function openChanged(
  from: Opening['from'],
  made: { content: string; fingerprint: string; run: number; nowMs: number },
): Opening {
  // One that was never sent gets a new attempt as well: whoever holds the earlier content under the earlier attempt does
  // not get leave to send it any more.
  const { content, fingerprint, run, nowMs } = made;
  const as = isUnfixed(content) ? 'waiting' : 'admitted';
  const to = moves.opened(from.state, { fingerprint, admittedAt: nowMs, run }, as);
  const { output } = parseContent(content).origin;
  return { from, to, content, left: null, output };
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
function leftBehind(line: ManifestLine, kind: string): Opening['left'] {
  const credits = line.credits.final ?? line.credits.reserved ?? 0;
  if (line.status === 'unknown' || credits === 0) return null;
  return { credits, day: (line.times.submitted ?? line.times.admitted).slice(0, 10), kind };
}
