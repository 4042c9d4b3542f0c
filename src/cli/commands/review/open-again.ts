import { realpath } from 'node:fs/promises';
import { adoptFolder, refuseOutdated } from '../../../batch/adopt-folder.js';
import { writeReport } from '../../../batch/end-batch.js';
import { localOutput } from '../../../batch/open-batch.js';
import {
  countReopened,
  type Reopener,
  type ReopenGroup,
  reopenSurveyed,
  type Survey,
  surveyReopening,
  withReopener,
} from '../../../batch/reopen.js';
import { markOf } from '../../../batch/retry.js';
import type { BatchLedger } from '../../../ledger/batch-ledger.js';
import { type BatchMeta, leftOf } from '../../../ledger/batch-meta.js';
import { rewordingFault } from '../../../producer/outputs/checks.js';
import { indexModels } from '../../../producer/outputs/known-models.js';
import { Again } from '../../../results/again.js';
import { readJournalHeader } from '../../../results/journal.js';
import { readableLines } from '../../../results/manifest.js';
import { holdsLife, ownerOf } from '../../../results/output-folder.js';
import { addressOf, openOutput } from '../../../results/output-places.js';
import { readReport } from '../../../results/run-report.js';
import type { Model } from '../../../rivya/outcome.js';
import { lastModels } from '../../../session/model-list.js';
import {
  batchContext,
  openStoreSession,
  type StoreSession,
} from '../../../session/store-session.js';
import { BatchError } from '../../../shared/errors.js';
import type { ManifestLine } from '../../../shared/manifest-line.js';
import { counted, quoteName } from '../../../shared/quantities.js';
import { isSimulated } from '../../../shared/simulated.js';
import type { CommandSetup } from '../../setup.js';
import { confirm } from '../../text/agree.js';
import { openedLines, priceText } from '../../text/reopening.js';
import { hangingLines, type Terminal } from '../../text/terminal.js';
import { refuseOtherKey, whoMakesThem, workersOf } from '../retry.js';
import { personHere } from '../steer.js';

/** What `review --apply --json` says of what is to be made again. */
interface AgainResult {
  batch: string;
  reopened: number;
  new_attempts: number;
  /** Of these. */
  changed_prompts: number;
  expected_credits: number;
  groups: readonly ReopenGroup[];
  /** Changed prompts that the API would refuse: their briefs stay as they are. */
  left_out: { brief_id: string; reason: string }[];
}

export interface OpenedAgain {
  result: AgainResult;
  /** For a person. */
  lines: string[];
}

/**
 * Opens what people want made again, as new attempts, after saying what they cost. Where nothing is wanted, this needs no
 * Redis and starts none. What the API would refuse is told and left out, and can be mended and applied later: nobody waits
 * for another one's slip. Given twice, nothing is opened twice (S1): what a decision is about has left the manifest by then.
 * @param folder absolute
 * @throws BatchError `batch_not_found` where Redis does not know the batch
 */
export async function openAgain(
  setup: CommandSetup,
  folder: string,
  { yes }: { yes: boolean },
): Promise<OpenedAgain | 'not_wanted'> {
  const batch = (await ownerOf(folder)) ?? '';
  if (!(await isAnyWanted(folder))) return nothingOpened(batch, folder);
  const session = await openStoreSession(setup.settings, setup.terminal);
  try {
    const { ledger, account, meta } = await findBatch(session, { batch, folder });
    refuseOtherKey(session, meta);
    const out = await folderOf(session, { ledger, meta, folder });
    const models = await lastModels(setup.settings);
    return await withReopener(batchContext(session, account, models), { ledger, out }, (reopener) =>
      agreeAndOpen(setup, reopener, { models, yes }),
    );
  } finally {
    await session.close();
  }
}

async function isAnyWanted(folder: string): Promise<boolean> {
  const again = await Again.read(folder);
  for await (const line of readableLines(folder, () => undefined)) {
    if (again.isWanted(line)) return true;
  }
  return false;
}

/** By what the folder says: what was opened before is not made yet. */
async function nothingOpened(batch: string, folder: string): Promise<OpenedAgain> {
  const pending = (await readReport(folder))?.counts.pending ?? 0;
  const nothing = { reopened: 0, new_attempts: 0, changed_prompts: 0, expected_credits: 0 };
  const result = { batch, ...nothing, groups: [], left_out: [] };
  const left =
    pending === 0
      ? []
      : [
          `${counted(pending, 'brief')} of it ${pending === 1 ? 'has' : 'have'} no result yet: its run, or a worker, goes on with ${pending === 1 ? 'it' : 'them'}.`,
        ];
  return { result, lines: ['There is nothing to make again.', ...left] };
}

/** @throws BatchError `batch_not_found` with what brings it back */
async function findBatch(
  session: StoreSession,
  { batch, folder }: { batch: string; folder: string },
) {
  try {
    return await session.findBatch(batch);
  } catch (error) {
    if (!(error instanceof BatchError) || error.code !== 'batch_not_found') throw error;
    const header = await readJournalHeader(folder);
    const how = header !== null && isSimulated(header) ? ' with --simulate' : '';
    throw new BatchError(
      'batch_not_found',
      `Redis does not know batch ${quoteName(batch)}, so nothing was changed. If the batch was forgotten or lost, run its input again${how} with --out ${folder} (what is made already is not paid again), and then give this command again. ${error.message}`,
      { cause: error },
    );
  }
}

/**
 * The batch's folder; one that was moved here is its folder from now on.
 * @throws BatchError `batch_conflict` for a copy, and for an earlier life
 */
async function folderOf(
  { settings }: StoreSession,
  { ledger, meta, folder }: { ledger: BatchLedger; meta: BatchMeta; folder: string },
): Promise<string> {
  const out = await localOutput(ledger, meta, settings);
  if (out !== null && (await realpath(out)) === (await realpath(folder))) return out;
  const before = meta.out === '' ? null : await openOutput(settings, meta.out);
  const isMoved = before !== null && (await ownerOf(before.folder)) === null;
  if (isMoved && (await holdsLife(folder, { ...meta, batch: meta.name }))) {
    await ledger.set({ out: await addressOf(folder) });
    return folder;
  }
  const why =
    out === null
      ? `Redis knows another run of it than ${folder} holds: run its input again with --out ${folder}, then give this command again`
      : `its results go to ${out}, and ${folder} holds others: decide and apply there`;
  throw new BatchError('batch_conflict', `Nothing of batch ${meta.name} was changed: ${why}.`);
}

async function agreeAndOpen(
  setup: CommandSetup,
  reopener: Reopener,
  { models, yes }: { models: readonly Model[]; yes: boolean },
): Promise<OpenedAgain | 'not_wanted'> {
  const { terminal } = setup;
  const { ledger, out, account, clock } = reopener;
  // A line that Redis does not know of, or another attempt of it, may be paid already (S1).
  refuseOutdated(await adoptFolder(reopener), reopener);
  const wishes = new Wishes(await Again.read(out), models);
  const survey = await surveyReopening(reopener, wishes.wants, wishes.wordsFor);
  tellLeftOut(terminal, wishes.faulty);
  const { total } = countReopened(survey);
  if (total > 0 && !yes) {
    terminal.note(priceText(`To make again in batch ${ledger.batch}`, survey));
    if ((await confirm('Go on?')) === 'no') {
      terminal.note('Nothing was changed.');
      return 'not_wanted';
    }
  }
  const opened = total === 0 ? 0 : await reopenSurveyed(reopener, survey, stillWanted(out, survey));
  // Lines have left the manifest: the report that says "finished" does not stand for it any more (S4).
  if (total > 0) await writeReport(ledger, out, clock);
  if (opened > 0) {
    const { credits } = countReopened(survey);
    const deed = {
      kind: 'retried',
      briefs: opened,
      credits,
      codes: [],
      mark: markOf(survey),
    } as const;
    await ledger.deeds.note(deed, personHere());
  }
  const meta = await ledger.meta();
  if (meta === null)
    throw new BatchError(
      'internal',
      `Batch ${ledger.batch} was deleted meanwhile: give the same command again.`,
    );
  const news = total > 0 ? openedLines(survey, opened, meta) : ['There is nothing to make again.'];
  const makers = leftOf(meta) === 0 ? [] : whoMakesThem(setup, meta, await workersOf(account));
  return {
    result: resultOf(ledger.batch, survey, { opened, faulty: wishes.faulty }),
    lines: [...news, ...makers],
  };
}

/** What is decided while a person is asked counts as well: what is not said any more, or in other words, stays as it is. */
function stillWanted(out: string, { selected }: Survey) {
  return async () => {
    const again = await Again.read(out);
    return (line: ManifestLine) => {
      const agreed = selected.get(line.brief_id)?.words ?? null;
      return again.isWanted(line) && again.wordsFor(line) === agreed;
    };
  };
}

/** What is wanted again, without what the API would refuse. */
class Wishes {
  /** Brief id -> what is wrong with its changed prompt. */
  readonly faulty = new Map<string, string>();
  private readonly known: ReturnType<typeof indexModels>;

  constructor(
    private readonly again: Again,
    models: readonly Model[],
  ) {
    this.known = indexModels(models);
  }

  readonly wants = (line: ManifestLine): boolean => {
    if (!this.again.isWanted(line)) return false;
    const words = this.again.wordsFor(line);
    if (words === null) return true;
    const fault = rewordingFault(line, words, this.known.get(line.model));
    if (fault === null) return true;
    this.faulty.set(line.brief_id, fault.reason);
    return false;
  };

  readonly wordsFor = (line: ManifestLine): string | null => {
    return this.faulty.has(line.brief_id) ? null : this.again.wordsFor(line);
  };
}

function tellLeftOut(terminal: Terminal, faulty: ReadonlyMap<string, string>): void {
  if (faulty.size === 0) return;
  const them = faulty.size === 1 ? 'its brief stays as it is' : 'their briefs stay as they are';
  terminal.warn(
    `Left out: ${counted(faulty.size, 'changed prompt')}; ${them} until that is corrected.`,
  );
  for (const [id, reason] of faulty) {
    const lines = hangingLines('  ', `${quoteName(id)}: ${reason}`, terminal.width);
    for (const line of lines) terminal.note(line);
  }
}

function resultOf(
  batch: string,
  survey: Survey,
  { opened, faulty }: { opened: number; faulty: ReadonlyMap<string, string> },
): AgainResult {
  const { newAttempts, credits } = countReopened(survey);
  return {
    batch,
    reopened: opened,
    new_attempts: newAttempts,
    changed_prompts: survey.groups.reduce((sum, { reworded }) => sum + reworded, 0),
    expected_credits: credits,
    groups: survey.groups,
    left_out: [...faulty].map(([id, reason]) => ({ brief_id: id, reason })),
  };
}
