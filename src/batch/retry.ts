import { createHash } from 'node:crypto';
import type { BatchLedger } from '../ledger/batch-ledger.js';
import type { BatchMeta } from '../ledger/batch-meta.js';
import { publish } from '../results/mirror.js';
import type { OutputPlaces } from '../results/output-places.js';
import { BatchError } from '../shared/errors.js';
import type { LineStatus, ManifestLine } from '../shared/manifest-line.js';
import { formatCredits } from '../shared/quantities.js';
import { adoptFolder, refuseOutdated } from './adopt-folder.js';
import type { BatchContext } from './batch-context.js';
import { writeReport } from './end-batch.js';
import { localOutput } from './open-batch.js';
import {
  countReopened,
  type ReopenGroup,
  reopenSurveyed,
  type Survey,
  surveyReopening,
  withReopener,
} from './reopen.js';
import type { SteeredBatch } from './steer.js';

/** How lines are chosen that are to be retried; all that is given has to hold. */
export interface RetryChoice {
  statuses?: readonly LineStatus[] | undefined;
  /** Error codes, such as `nsfw`. */
  codes?: readonly string[] | undefined;
  ids?: ReadonlySet<string> | undefined;
}

const withoutSuccess: readonly LineStatus[] = ['failed', 'unknown', 'cancelled'];

/** Named by their ids, lines that succeeded are meant as well: a person wants them made anew. */
export function chosenStatuses({ statuses, codes, ids }: RetryChoice): readonly LineStatus[] {
  if (statuses !== undefined) return statuses;
  if (ids !== undefined) return ['succeeded', ...withoutSuccess];
  return codes === undefined ? ['failed', 'unknown'] : withoutSuccess;
}

export function isChosen(
  choice: RetryChoice,
  { brief_id: id, status, error }: ManifestLine,
): boolean {
  const { codes, ids } = choice;
  if (ids !== undefined && !ids.has(id)) return false;
  if (codes !== undefined && !codes.includes(error?.code ?? '')) return false;
  return chosenStatuses(choice).includes(status);
}

/**
 * The folder of a batch whose lines are to be opened again.
 * @throws BatchError `bad_input` where they are not on this machine
 */
export async function folderToRetry(
  ledger: BatchLedger,
  meta: BatchMeta,
  places: OutputPlaces,
): Promise<string> {
  const out = await localOutput(ledger, meta, places);
  if (out !== null) return out;
  throw new BatchError(
    'bad_input',
    meta.out === ''
      ? `Batch ${meta.name} has no results yet.`
      : `The results of batch ${meta.name} are in ${meta.out}, which is not on this machine: retry it there.`,
  );
}

export type Retried =
  | { kind: 'nothing' }
  | { kind: 'not_agreed'; survey: Survey }
  /** `opened` is less than was told where some have changed meanwhile; 0 where all have. */
  | { kind: 'opened'; opened: number; survey: Survey };

/**
 * Opens briefs again that have their line: a task that may have succeeded is looked at once more, which pays for nothing;
 * all others get a new attempt, which is paid.
 * @param what its folder on this machine, the lines that are wanted, and the error codes by which a person has chosen them
 * @param agree is told what it does and costs, before anything is changed; nothing is where it says no
 * @throws BatchError as `refuseOutdated` does
 */
export async function retryBatch(
  context: BatchContext,
  { ledger, by }: SteeredBatch,
  what: {
    out: string;
    wants: (line: ManifestLine) => boolean;
    codes?: readonly string[] | undefined;
  },
  agree: (survey: Survey) => Promise<boolean>,
): Promise<Retried> {
  const { out, wants, codes = [] } = what;
  return withReopener(context, { ledger, out }, async (reopener) => {
    // A line that Redis does not know of, or another attempt of it, may be paid already (S1).
    refuseOutdated(await adoptFolder(reopener), reopener);
    const survey = await surveyReopening(reopener, wants);
    if (!(await agree(survey))) return { kind: 'not_agreed', survey };
    const { total, credits } = countReopened(survey);
    if (total === 0) return { kind: 'nothing' };
    const opened = await reopenSurveyed(reopener, survey);
    // Lines have left the manifest: the report that says "finished" does not stand for it any more (S4).
    await writeReport(ledger, out, context.clock);
    await publish(out);
    if (opened > 0) {
      const mark = markOf(survey);
      const deed = { kind: 'retried', briefs: opened, credits, codes, mark } as const;
      await ledger.deeds.note(deed, by);
    }
    return { kind: 'opened', opened, survey };
  });
}

/**
 * A text that stands for what was found and what it would cost: another one where a brief, an attempt, a way or a price is
 * another. So whoever agreed to one agreed to nothing else, and to nothing twice (S1).
 */
export function markOf({ groups, selected }: Survey): string {
  const hash = createHash('sha256').update(JSON.stringify(groups));
  for (const [id, { attempt, way, because }] of [...selected].sort()) {
    hash.update(`\n${JSON.stringify([id, attempt, way, because])}`);
  }
  return hash.digest('hex').slice(0, 32);
}

/** What opening briefs again would do and cost, before anybody is asked: for people, in lines. */
export function priceLines(survey: Survey): string[] {
  const { credits, perhapsAgain } = countReopened(survey);
  const lines = [
    ...survey.groups.map(groupText),
    `Expected cost: about ${formatCredits(credits)}.`,
  ];
  if (perhapsAgain === 0) return lines;
  return [
    ...lines,
    `Perhaps paid already: ${perhapsAgain}. It is not known how their last attempt ended, and a new one is paid again.`,
  ];
}

function groupText(group: ReopenGroup): string {
  const { status, way, count, credits, guessed, reworded, following } = group;
  if (way === 'reread') {
    return `  ${count} ${status}: their tasks are checked again, which costs nothing`;
  }
  const anew = status === 'succeeded' ? 'made and paid again' : 'new attempts';
  const priced = guessed === 0 ? 'as charged before' : 'a guess: no price is known yet';
  const notes = [
    ...(reworded > 0 ? [`${reworded} with a changed prompt`] : []),
    ...(following > 0
      ? [`${following} because of what ${following === 1 ? 'it comes' : 'they come'} after`]
      : []),
  ].map((note) => `; ${note}`);
  return `  ${count} ${status}: ${anew}, about ${formatCredits(credits)} (${priced})${notes.join('')}`;
}
