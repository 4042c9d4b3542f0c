import { claimPlace, type ReadyBrief, retrySpacingMs, saveText } from './collect.js';
import type { ResultShelf } from './result-shelf.js';
import { endBrief, type StageContext, type Step } from './step.js';

/**
 * The collect stage of a chat: its answer is in the ledger, and becomes a file before the line that names it (S5). Nothing
 * is downloaded, and no place of a download is waited for.
 */
export async function collectAnswer(context: StageContext, brief: ReadyBrief): Promise<Step> {
  const { shelf } = context;
  if (shelf === null) throw new Error('collect runs only where results can be kept');
  brief.seat.passOn();
  return writeAnswer(context, brief, shelf);
}

/** Its answer has just come: written at once where this process can keep it, else by a job of the collect queue. */
export async function collectAnswerAtOnce(context: StageContext, brief: ReadyBrief): Promise<Step> {
  const { attempt } = brief.state;
  const toCollect = (delayMs: number): Step => ({
    kind: 'next',
    stage: 'collect',
    attempt,
    delayMs,
  });
  if (context.shelf === null) return toCollect(0);
  try {
    const step = await writeAnswer(context, brief, context.shelf);
    return step.kind === 'later' ? toCollect(step.afterMs) : step;
  } catch (error) {
    // A disk that is full, a folder that went away: told, and counted, by the job that is for that.
    context.log.debug({ err: error, brief: brief.id }, 'an answer was not put in place');
    return toCollect(retrySpacingMs);
  }
}

const lostMessage =
  'The API answered, and what it said was lost with a part of Redis before it was written down. It was paid, and another attempt is paid again.';
const emptyMessage = 'The model answered with nothing.';

async function writeAnswer(
  context: StageContext,
  brief: ReadyBrief,
  shelf: ResultShelf,
): Promise<Step> {
  const { id, state } = brief;
  const answer = await context.ledger.results.of(id, state.attempt);
  if (answer?.text === undefined) {
    const error = { code: 'answer_lost', message: lostMessage, request_id: null };
    return endBrief(context, brief, { status: 'unknown', error });
  }
  if (answer.text.trim() === '') {
    const error = { code: 'empty_answer', message: emptyMessage, request_id: null };
    return endBrief(context, brief, { status: 'failed', error });
  }
  const place = await claimPlace(context, brief, { shelf, count: 1 });
  const assets = await saveText(answer.text, place);
  if ((await context.folder?.isHere()) === false) return { kind: 'later', afterMs: retrySpacingMs };
  return endBrief(context, brief, { status: 'succeeded', error: null, assets });
}
