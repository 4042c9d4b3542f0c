import { basename, join } from 'node:path';
import { decideStep } from '../../batch/steps.js';
import { isBucketAddress } from '../../bucket/bucket-address.js';
import type { StateOf } from '../../ledger/brief-state.js';
import { moves } from '../../ledger/moves.js';
import type { BriefResult } from '../../ledger/result-ledger.js';
import { draftOf, parseContent, requestBody } from '../../shared/brief.js';
import {
  type BriefInHand,
  endBrief,
  type StageContext,
  type Step,
  type StepResult,
  stepFor,
} from './step.js';

type WaitingBrief = BriefInHand<StateOf<'waiting'>>;

/** No longer than a job may be put off. */
const lookAgainMs = 60_000;
/** Until a line that was just made is in the manifest. */
const readAgainMs = 1_000;

/**
 * A step's body and key are fixed once what it comes after has succeeded: saved in the step that lets it be sent, so that
 * whatever crashes, the same bytes go out (S1).
 */
export async function fixStep(
  context: StageContext,
  brief: WaitingBrief,
): Promise<{ kind: 'fixed'; brief: BriefInHand<StateOf<'admitted'>> } | Step> {
  const { ledger } = context;
  const { origin } = brief.content;
  const after = origin.after ?? [];
  const decide = async () => {
    // A yes may have been taken back while its job waited: nothing is paid for on a word that does not stand any more.
    if (after.some(({ approve }) => approve === true)) await context.hearVerdicts();
    return decideStep(after, await ledger.results.look(after.map(({ id }) => id)));
  };
  let decision = await decide();
  if (decision.kind === 'unread' && context.folder !== null) {
    await context.restoreResults();
    decision = await decide();
  }
  switch (decision.kind) {
    case 'wait':
      return { kind: 'wait' };
    case 'unread':
      // Where the folder is elsewhere, whoever has it takes the job sooner or later.
      return { kind: 'later', afterMs: context.folder === null ? lookAgainMs : readAgainMs };
    case 'end':
      return endBrief(context, brief, { status: 'cancelled', error: decision.error });
    case 'go':
      return fix(context, brief, decision.results);
    default:
      return decision satisfies never;
  }
}

async function fix(
  context: StageContext,
  brief: WaitingBrief,
  found: ReadonlyMap<string, BriefResult>,
): Promise<{ kind: 'fixed'; brief: BriefInHand<StateOf<'admitted'>> } | Step> {
  const { ledger, folder, fillDraft } = context;
  const meta = await ledger.meta();
  const draft = draftOf(brief.content);
  if (meta === null || draft === null) return { kind: 'missing' };
  const place = isBucketAddress(meta.out) ? meta.out : (folder?.path ?? meta.out);
  const results = new Map<string, StepResult>();
  for (const [output, result] of found) {
    const given = asGiven(result, place);
    if (given !== null) results.set(output, given);
  }
  const filled = fillDraft(draft, results);
  if (filled.kind === 'refused') {
    const error = { code: filled.code, message: filled.reason, request_id: null };
    return endBrief(context, brief, { status: 'failed', error });
  }
  // Before the move: whoever takes it up looks for its files there.
  await ledger.references.keepFiles(filled.files);
  const origin = JSON.stringify({ ...brief.content.origin, draft });
  const body = requestBody({ ...filled.content, clientRequestId: null });
  const { id, state } = brief;
  const prepared = { id, fingerprint: state.fingerprint, origin, body, waits: false };
  const [content = ''] = await ledger.briefs.contentsOf([prepared]);
  const to = moves.fixed(brief.state);
  const moved = await ledger.briefs.move(brief.id, { from: brief, to, content });
  if (moved.kind === 'passed') return stepFor(moved.state);
  const fixed = { ...brief, ...moved.brief, content: parseContent(content) };
  return { kind: 'fixed', brief: fixed };
}

/**
 * @param place folder, or address in a bucket, in which the files of its lines are
 * @returns null where it has made nothing that could be given
 */
function asGiven({ text, file }: BriefResult, place: string): StepResult | null {
  if (text !== undefined) return { text };
  if (file === undefined) return null;
  const path = isBucketAddress(place) ? `${place}/${file.path}` : join(place, file.path);
  return { file: { ...file, path, name: basename(file.path) } };
}
