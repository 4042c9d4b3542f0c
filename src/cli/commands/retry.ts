import { type Command, InvalidArgumentError, Option } from 'commander';
import { adoptFolder, refuseOutdated } from '../../batch/adopt-folder.js';
import { writeReport } from '../../batch/end-batch.js';
import { localOutput } from '../../batch/open-batch.js';
import {
  countReopened,
  type Reopener,
  reopenSurveyed,
  type Survey,
  surveyReopening,
  withReopener,
} from '../../batch/reopen.js';
import type { AccountLedger } from '../../ledger/account-ledger.js';
import type { BatchLedger } from '../../ledger/batch-ledger.js';
import { type BatchMeta, leftOf } from '../../ledger/batch-meta.js';
import { accountHash } from '../../ledger/keys.js';
import { lastModels } from '../../session/model-list.js';
import { batchContext, openStoreSession, type StoreSession } from '../../session/store-session.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import type { LineStatus } from '../../shared/manifest-line.js';
import { counted } from '../../shared/quantities.js';
import { isSimulated } from '../../shared/simulated.js';
import { addJsonFlag, addYesFlag, twin } from '../options/flags.js';
import { commandFor, wordsThatGoOn } from '../options/kept-command.js';
import { type LinesWanted, linesWanted, refuseUnseen } from '../options/lines-wanted.js';
import type { CommandSetup } from '../setup.js';
import { confirm } from '../text/agree.js';
import { openedLines, priceText } from '../text/reopening.js';
import { giveAgain, keptOf } from './continue.js';
import { usualAskAbove } from './run.js';

interface RetryFlags {
  /** Absent: what is usual for the other options. */
  status?: LineStatus[];
  ids?: string;
  code?: string[];
  run: boolean;
  yes: boolean;
  json: boolean;
}

const retryable: readonly LineStatus[] = ['failed', 'unknown', 'cancelled'];

export function addRetryCommand(program: Command, setup: CommandSetup): void {
  const command = program.command('retry').argument('<batch>');
  const options = [
    new Option(
      '--status <list>',
      `which of them: ${retryable.join(', ')} (default: failed,unknown; all with --code or --ids)`,
    ).argParser(statuses),
    new Option('--code <list>', 'only lines with this error code, such as nsfw').argParser(codes),
    new Option(
      '--ids <list or file>',
      'only these, also those that succeeded: ids with commas, or a file with one a line or a column brief_id or id',
    ),
    new Option('--run', 'then make them here, as "rivya-batch continue" does').default(false),
  ];
  for (const option of options) command.addOption(twin(option));
  addYesFlag(command);
  addJsonFlag(command);
  command.action((batch: string, flags: RetryFlags) => setup.run(() => retry(setup, batch, flags)));
}

function statuses(text: string): LineStatus[] {
  const names = text.split(',').map((name) => name.trim());
  const known = retryable.filter((status) => names.includes(status));
  if (known.length === 0 || known.length !== new Set(names).size) {
    throw new InvalidArgumentError(`It must be a list of ${retryable.join(', ')}.`);
  }
  return known;
}

function codes(text: string): string[] {
  return text
    .split(',')
    .map((code) => code.trim())
    .filter((code) => code !== '');
}

async function retry(setup: CommandSetup, batch: string, flags: RetryFlags): Promise<ExitCode> {
  const reopened = await openAgain(setup, batch, flags);
  if (reopened === 'not_wanted') return ExitCode.interrupted;
  if (!flags.run) return ExitCode.succeeded;
  const { meta, credits } = reopened;
  if (leftOf(meta) === 0) return ExitCode.succeeded;
  return giveAgain(setup, { ...keptOf(setup, meta), name: 'run' }, runWords(meta, flags, credits));
}

/** What was agreed to here is not asked for a second time. */
function runWords({ command }: BatchMeta, { yes, json }: RetryFlags, credits: number): string[] {
  const options = command?.kind === 'kept' ? command.options : [];
  const had = options.find(([flag]) => flag === '--ask-above')?.[1] ?? usualAskAbove;
  const askAbove = Math.max(credits, Number(had));
  return [`--ask-above=${askAbove}`, ...(yes ? ['--yes'] : []), ...(json ? ['--json'] : [])];
}

interface Reopened {
  meta: BatchMeta;
  /** What the new attempts are expected to cost. */
  credits: number;
}

async function openAgain(
  setup: CommandSetup,
  batch: string,
  flags: RetryFlags,
): Promise<Reopened | 'not_wanted'> {
  const session = await openStoreSession(setup.settings, setup.terminal);
  try {
    const { ledger, account, meta } = await session.findBatch(batch);
    refuseOtherKey(session, meta);
    // Before anything is opened: it could not be made here.
    if (flags.run) refuseNoRun(setup, meta);
    const out = await folderOf(session, ledger, meta);
    const wanted = await linesWanted(flags);
    const context = batchContext(session, account, await lastModels(setup.settings));
    return await withReopener(context, { ledger, out }, (reopener) =>
      reopenBatch(setup, reopener, flags, wanted),
    );
  } finally {
    await session.close();
  }
}

/**
 * Whoever has no key here leaves the work to workers elsewhere; whoever has another has none that takes it.
 * @throws BatchError `batch_conflict`
 */
export function refuseOtherKey({ settings }: StoreSession, meta: BatchMeta): void {
  const { apiKey, origin } = settings;
  if (isSimulated(meta) || apiKey === null || accountHash(origin, apiKey) === meta.account) return;
  const what = origin === meta.origin ? 'another API key' : `${meta.origin}, not ${origin},`;
  throw new BatchError(
    'batch_conflict',
    `Batch ${meta.name} was made with ${what} and stays with it, so nothing was opened: no worker of this key would take it. Use what it was made with, or run the rows that did not succeed as a new batch.`,
  );
}

async function reopenBatch(
  setup: CommandSetup,
  reopener: Reopener,
  flags: RetryFlags,
  wanted: LinesWanted,
): Promise<Reopened | 'not_wanted'> {
  const { terminal } = setup;
  const { ledger, out, account, clock } = reopener;
  // A line that Redis does not know of, or another attempt of it, may be paid already (S1).
  refuseOutdated(await adoptFolder(reopener), reopener);
  const survey = await surveyReopening(reopener, wanted.wants);
  await refuseUnseen(ledger, wanted);
  const { total, credits } = countReopened(survey);
  if (total > 0 && !flags.yes) {
    terminal.note(priceText(`Retry of batch ${ledger.batch}`, survey));
    if ((await confirm('Go on?')) === 'no') {
      terminal.note('Nothing was changed.');
      return 'not_wanted';
    }
  }
  const opened = await carryOut(reopener, survey, wanted);
  // Lines have left the manifest: the report that says "finished" does not stand for it any more (S4).
  if (total > 0) await writeReport(ledger, out, clock);
  const meta = await ledger.meta();
  if (meta === null) throw new BatchError('internal', `Batch ${ledger.batch} vanished.`);
  const text = () => afterRetryText({ survey, opened, meta, codes: wanted.codesSeen() });
  // With --run, what the run prints is the one result.
  if (flags.run) terminal.note(text());
  else if (flags.json) terminal.json(resultOf(ledger.batch, survey, opened));
  else {
    terminal.print(text());
    const makers = leftOf(meta) === 0 ? [] : whoMakesThem(setup, meta, await workersOf(account));
    for (const line of makers) terminal.print(line);
  }
  return { meta, credits };
}

/** The last lines: a command that can be typed as it stands. */
export function whoMakesThem(setup: CommandSetup, meta: BatchMeta, workers: number): string[] {
  if (workers > 0) {
    const look = commandFor(setup, ['status', meta.name]);
    return [
      `They are made by the ${counted(workers, 'worker')} of this account. To look:`,
      `  ${look}`,
    ];
  }
  return [
    'To make them, or with a worker wherever one runs:',
    `  ${commandFor(setup, wordsThatGoOn(meta))}`,
  ];
}

export async function workersOf(account: AccountLedger): Promise<number> {
  return (await account.view()).workers;
}

/** @throws BatchError `bad_input` for a batch that cannot be run here */
function refuseNoRun(setup: CommandSetup, meta: BatchMeta): void {
  keptOf(setup, meta);
  if (meta.out !== '') return;
  throw new BatchError('bad_input', `Batch ${meta.name} has no folder yet: a worker makes it.`);
}

async function carryOut(
  reopener: Reopener,
  survey: Survey,
  { statuses: status }: LinesWanted,
): Promise<number> {
  const { ledger } = reopener;
  if (survey.groups.length > 0) {
    const opened = await reopenSurveyed(reopener, survey);
    if (opened > 0) return opened;
    throw new BatchError(
      'batch_conflict',
      `Batch ${ledger.batch} has changed meanwhile: nothing was retried. Give the same command again.`,
    );
  }
  // Cancelled before its input was admitted as a whole: the rest can be admitted again.
  if (status.includes('cancelled')) await ledger.liftCancel();
  return 0;
}

/** @throws BatchError `bad_input` where the lines are not on this machine */
async function folderOf(
  { settings }: StoreSession,
  ledger: BatchLedger,
  meta: BatchMeta,
): Promise<string> {
  const out = await localOutput(ledger, meta, settings);
  if (out !== null) return out;
  throw new BatchError(
    'bad_input',
    meta.out === ''
      ? `Batch ${meta.name} has no results yet.`
      : `The results of batch ${meta.name} are in ${meta.out}, which is not on this machine: retry it there.`,
  );
}

function resultOf(batch: string, survey: Survey, opened: number) {
  const { rereads, newAttempts, perhapsAgain, credits } = countReopened(survey);
  return {
    batch,
    reopened: opened,
    rereads,
    new_attempts: newAttempts,
    may_pay_twice: perhapsAgain,
    expected_credits: credits,
    groups: survey.groups,
  };
}

function afterRetryText({
  survey,
  opened,
  meta,
  codes,
}: {
  survey: Survey;
  /** How many were opened. */
  opened: number;
  meta: BatchMeta;
  codes: readonly string[];
}): string {
  const { pending } = meta;
  if (countReopened(survey).total > 0) return openedLines(survey, opened, meta).join('\n');
  const others = codes.length === 0 ? [] : [`Error codes of this batch: ${codes.join(', ')}.`];
  const open =
    pending === 0
      ? []
      : [`${counted(pending, 'brief')} of it ${pending === 1 ? 'has' : 'have'} no result yet.`];
  return ['There is nothing to retry.', ...open, ...others].join('\n');
}
