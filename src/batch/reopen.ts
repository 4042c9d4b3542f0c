import type { BatchLedger } from '../ledger/batch-ledger.js';
import type { BriefState } from '../ledger/brief-state.js';
import type { Opening, OpeningsOf } from '../ledger/reopened-ledger.js';
import { ownLine, readManifest } from '../results/manifest.js';
import type { PreparedBrief } from '../shared/brief.js';
import type { LineStatus, ManifestLine } from '../shared/manifest-line.js';
import { inChunks } from '../shared/read-lines.js';
import { adoptFolder, type LocalBatch, refuseOutdated } from './adopt-folder.js';
import { type BatchContext, withQueues } from './batch-context.js';
import { type ForcedRun, judgeBrief } from './compare.js';
import { ManifestWriter } from './manifest-writer.js';
import {
  openChanged,
  planReopening,
  type Reopening,
  type ReopenWay,
  type ReopenWish,
} from './plan-reopening.js';
import { holdManifest, settleReopened } from './rewrite-manifest.js';
import { isNotMade } from './steps.js';

/** A batch of which briefs are opened again, and what tells how, and for how much. */
export interface Reopener
  extends LocalBatch,
    Pick<BatchContext, 'account' | 'clock' | 'categoryOf' | 'priceOf'> {}

const briefsAtOnce = 500;

/**
 * Opens briefs of a batch again (S1, S4): first in the ledger, each by compare-and-set, then their lines leave the manifest
 * and they get their jobs (`settleReopened`). Safe to repeat, and beside others who do the same: what was opened by then is
 * not what it was. A brief whose line is still on its way to the manifest is opened once that is written.
 * @param selection is asked once more after each such wait
 * @returns how many were opened
 * @throws BatchError as `refuseOutdated` does
 */
async function reopen(
  batch: LocalBatch,
  what: Omit<OpeningsOf, 'historyBytes'>,
  selection: () => AsyncIterable<ReadonlyMap<string, Opening>>,
): Promise<number> {
  const writer = new ManifestWriter(batch);
  let count = 0;
  for (let end: 'all' | 'some' = 'some'; end === 'some'; ) {
    // Redis may have gone back while a person was asked: of what it does not know, nothing is opened, and no line is lost.
    refuseOutdated(await adoptFolder(batch), batch);
    // What somebody else opened and could not settle comes to its end first, and what is on its way is written.
    await writer.flush();
    await holdManifest(batch, 'open', async (hold) => {
      end = 'all';
      for await (const openings of selection()) {
        if (openings.size === 0) continue;
        const of = { ...what, historyBytes: hold.historyBytes };
        const answers = await batch.ledger.reopened.open(hold.token, of, openings);
        if (answers === 'overtaken') {
          end = 'some';
          return;
        }
        count += answers.filter((answer) => answer === 'opened').length;
        if (answers.includes('unwritten')) end = 'some';
      }
      await settleReopened(batch, hold);
    });
  }
  await writer.flush();
  return count;
}

/** Their tasks are paid for, and may be over, or have files that can be fetched, by now. */
const worthAnotherLook = new Set(['task_overdue', 'download_unavailable']);

/**
 * Opens briefs whose task was given up for the time being: the next run looks at them again and pays for nothing (S3).
 * @returns how many were opened
 */
export async function reopenOverdue(reopener: Reopener): Promise<number> {
  const wants = ({ status, task_id: taskId, error }: ManifestLine) =>
    status === 'unknown' && taskId !== null && worthAnotherLook.has(error?.code ?? '');
  // To look at a task again makes nothing, so it is no run.
  return reopen(reopener, { run: null, cancellation: 'keep' }, () =>
    openingsOf(reopener, { wants, wordsFor: ofTheirOwn, run: 0 }),
  );
}

/**
 * Opens the briefs of an input again whose content has changed, or all that an earlier run made than the forced one, each
 * for a new attempt with what the input says now (S1): their lines move to the history, their files stay. One that only
 * waited gets a new attempt as well: a worker that holds the earlier content under the earlier attempt gets no leave to
 * send it.
 */
export async function reopenChanged(
  batch: LocalBatch,
  briefs: () => AsyncIterable<PreparedBrief>,
  { run, forced, nowMs }: { run: number; forced: ForcedRun; nowMs: number },
): Promise<void> {
  await reopen(batch, { run: null, cancellation: 'keep' }, async function* () {
    for await (const chunk of inChunks(briefs(), briefsAtOnce)) {
      const texts = await batch.ledger.briefs.stateTexts(chunk.map(({ id }) => id));
      const contents = await batch.ledger.briefs.contentsOf(chunk);
      const openings = new Map<string, Opening>();
      chunk.forEach((brief, index) => {
        const news = judgeBrief(brief, texts[index] ?? null, forced);
        if (news.kind !== 'remake' && news.kind !== 'replace') return;
        const { id, fingerprint } = brief;
        const made = { content: contents[index] ?? '', fingerprint, run, nowMs };
        openings.set(id, openChanged(news.known, made));
      });
      yield openings;
    }
  });
}

/** Briefs that are opened in the same way. */
export interface ReopenGroup {
  status: LineStatus;
  way: ReopenWay;
  count: number;
  /** Credits that it is expected to cost. */
  credits: number;
  /** How many of them have a price that is only guessed. */
  guessed: number;
  /** How many of them are made with a person's words in place of their prompts. */
  reworded: number;
  /** How many of them are made anew because they come after another one that is. */
  following: number;
}

const nothingCounted = { count: 0, credits: 0, guessed: 0, reworded: 0, following: 0 };

/** What a retry would open, found without changing anything. */
export interface Survey {
  groups: ReopenGroup[];
  /** Brief id -> what was found of it: what differs by the time that it is opened stays as it is. */
  selected: ReadonlyMap<string, Selected>;
}

interface Selected extends ReopenWish {
  attempt: number;
  way: ReopenWay;
}

type WordsFor = (line: ManifestLine) => string | null;

const ofTheirOwn: WordsFor = () => null;

/** What opening briefs again would do and cost, in sum. */
export interface ReopenCounts {
  total: number;
  rereads: number;
  newAttempts: number;
  /** Of the new attempts: those whose last attempt may have been paid as well. */
  perhapsAgain: number;
  credits: number;
}

export function countReopened({ groups }: Survey): ReopenCounts {
  const sum = (wanted: (group: ReopenGroup) => boolean) =>
    groups.filter(wanted).reduce((count, group) => count + group.count, 0);
  return {
    total: sum(() => true),
    rereads: sum((group) => group.way === 'reread'),
    newAttempts: sum((group) => group.way !== 'reread'),
    perhapsAgain: sum((group) => group.way === 'perhaps_again'),
    credits: groups.reduce((credits, group) => credits + group.credits, 0),
  };
}

/**
 * Looks for the lines that are wanted, and at what it would cost to open their briefs again.
 * @param wordsFor a person's, in place of a line's prompt
 */
export async function surveyReopening(
  reopener: Reopener,
  wants: (line: ManifestLine) => boolean,
  wordsFor: WordsFor = ofTheirOwn,
): Promise<Survey> {
  await new ManifestWriter(reopener).flush();
  const prices = await reopener.account.prices();
  const groups = new Map<string, ReopenGroup>();
  const selected = new Map<string, Selected>();
  for await (const { line, reopening, wish } of reopenings(reopener, { wants, wordsFor, run: 0 })) {
    const { way, model, kind } = reopening;
    const { brief_id: id, status, attempt } = line;
    selected.set(id, { attempt, way, ...wish });
    const key = `${status} ${way}`;
    const group = groups.get(key) ?? { status, way, ...nothingCounted };
    groups.set(key, group);
    group.count += 1;
    if (wish.because === 'step_before') group.following += 1;
    // A task that is looked at again was given the words that it had.
    if (wish.words !== null && way === 'new_attempt') group.reworded += 1;
    if (way === 'reread') continue;
    const price = prices.get(kind);
    group.credits += price ?? reopener.priceOf(model).guess;
    if (price === undefined) group.guessed += 1;
  }
  return { groups: [...groups.values()], selected };
}

/**
 * Opens what was found, as far as it is still as it was.
 * @param stillWanted is asked right before: what a person takes back meanwhile stays, and what would be made anew with it
 */
export async function reopenSurveyed(
  reopener: Reopener,
  { groups, selected }: Survey,
  stillWanted: () => Promise<(line: ManifestLine) => boolean> = async () => () => true,
): Promise<number> {
  const makes = groups.some(({ way }) => way !== 'reread');
  const run = ((await reopener.ledger.meta())?.runs.length ?? 0) + 1;
  return reopen(
    reopener,
    // To look at a task again makes nothing, so it is no run.
    makes ? { run, cancellation: 'lift' } : { run: null, cancellation: 'keep' },
    async function* () {
      const isWanted = await stillWanted();
      const wants = (line: ManifestLine) => {
        const found = selected.get(line.brief_id);
        return found !== undefined && (found.because === 'step_before' || isWanted(line));
      };
      const wordsFor = ({ brief_id: id }: ManifestLine) => selected.get(id)?.words ?? null;
      yield* openingsOf(reopener, { wants, wordsFor, run, selected });
    },
  );
}

interface Looking {
  wants(line: ManifestLine): boolean;
  wordsFor: WordsFor;
  run: number;
}

interface Found {
  line: ManifestLine;
  wish: ReopenWish;
  reopening: Reopening;
}

function isAsFound({ line, wish, reopening }: Found, found: Selected | undefined): boolean {
  if (found === undefined) return false;
  const { attempt, way, because } = found;
  return line.attempt === attempt && reopening.way === way && wish.because === because;
}

async function* openingsOf(
  reopener: Reopener,
  { selected, ...looking }: Looking & { selected?: ReadonlyMap<string, Selected> },
): AsyncGenerator<ReadonlyMap<string, Opening>> {
  for await (const found of inChunks(reopenings(reopener, looking), briefsAtOnce)) {
    const chosen = found.filter((one) => {
      return selected === undefined || isAsFound(one, selected.get(one.line.brief_id));
    });
    yield new Map(chosen.map(({ line, reopening }) => [line.brief_id, reopening.opening]));
  }
}

/**
 * How the briefs of the manifest's lines can be opened again, of those that are wanted and are as the ledger has them; and
 * with them the steps that come after them. A step's line mostly stands behind that of what it comes after; where it does
 * not, it is found by another look.
 */
async function* reopenings(
  reopener: Reopener,
  { wants, wordsFor, run }: Looking,
): AsyncGenerator<Found> {
  const opened = new Map<string, ReopenWay>();
  const isWorthALook = (line: ManifestLine) =>
    !opened.has(line.brief_id) && (wants(line) || line.after !== undefined);
  for (let found: 'some' | 'none' = 'some'; found === 'some'; ) {
    found = 'none';
    for await (const lines of inChunks(writtenLines(reopener, isWorthALook), briefsAtOnce)) {
      const { ledger, categoryOf } = reopener;
      const known = await ledger.briefs.stateAndContent(lines.map((line) => line.brief_id));
      const before = await ledger.briefs.states(lines.flatMap(idsBefore));
      for (const [index, line] of lines.entries()) {
        const because = whyOpened(line, { opened, before, wants });
        if (because === null) continue;
        const { stateText = null, content = null } = known[index] ?? {};
        const wish = { because, words: wordsFor(line) };
        const reopening = planReopening(line, { stateText, content }, categoryOf, run, wish);
        if (reopening === null) continue;
        if (line.output !== undefined) {
          opened.set(line.brief_id, reopening.way);
          found = 'some';
        }
        yield { line, wish, reopening };
      }
    }
  }
}

function idsBefore({ after = [] }: ManifestLine): string[] {
  return after.map(({ id }) => id);
}

interface Opened {
  /** Those of this look, and in which way. */
  opened: ReadonlyMap<string, ReopenWay>;
  /** Where the briefs stand that steps come after. */
  before: ReadonlyMap<string, BriefState>;
  wants(line: ManifestLine): boolean;
}

/** Null for a line that stays. */
function whyOpened(
  line: ManifestLine,
  { opened, before, wants }: Opened,
): 'itself' | 'step_before' | null {
  const ids = idsBefore(line);
  const isMadeAnew = (id: string) => {
    const way = opened.get(id);
    // It was opened, and a crash came before its steps were.
    if (way === undefined) return wants(line) && before.get(id)?.stage !== 'lined';
    return way !== 'reread';
  };
  const wasNotMade = line.error !== null && isNotMade(line.error.code);
  // Whatever it was made with is replaced; and one that was not made gets another chance with what it comes after.
  if (ids.some(isMadeAnew) || (wasNotMade && ids.some((id) => opened.has(id))))
    return 'step_before';
  if (!wants(line)) return null;
  // It would only be told the same once more.
  const isHopeless = wasNotMade && ids.some((id) => !hasSucceeded(before.get(id)));
  return isHopeless ? null : 'itself';
}

function hasSucceeded(state: BriefState | undefined): boolean {
  return state?.stage === 'lined' && state.status === 'succeeded';
}

/** What stands behind the mark is not marked as written: it is written again, perhaps elsewhere. */
async function* writtenLines(
  { ledger, out }: Pick<LocalBatch, 'ledger' | 'out'>,
  wants: (line: ManifestLine) => boolean,
): AsyncGenerator<ManifestLine> {
  const { offset: end } = await ledger.adoption.marks();
  for await (const found of readManifest(out)) {
    if (found.offset >= end) return;
    const line = ownLine(found, out);
    if (wants(line)) yield line;
  }
}

/** Works with what it takes to open briefs of a batch again whose folder is on this machine. */
export async function withReopener<T>(
  context: BatchContext,
  { ledger, out }: { ledger: BatchLedger; out: string },
  work: (reopener: Reopener) => Promise<T>,
): Promise<T> {
  const { account, clock, categoryOf, priceOf } = context;
  return withQueues(context, ledger.batch, (queues) =>
    work({ ledger, queues, out, account, clock, categoryOf, priceOf }),
  );
}
