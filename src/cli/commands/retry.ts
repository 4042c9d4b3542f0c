import { type Command, InvalidArgumentError, Option } from 'commander';
import { countReopened, type Survey } from '../../batch/reopen.js';
import { folderToRetry, type Retried, retryBatch } from '../../batch/retry.js';
import type { AccountLedger } from '../../ledger/account-ledger.js';
import type { BatchLedger } from '../../ledger/batch-ledger.js';
import { type BatchMeta, leftOf, wordsThatGoOn } from '../../ledger/batch-meta.js';
import { accountHash } from '../../ledger/keys.js';
import { lastModels } from '../../session/model-list.js';
import { batchContext, openStoreSession, type StoreSession } from '../../session/store-session.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import type { LineStatus } from '../../shared/manifest-line.js';
import { counted } from '../../shared/quantities.js';
import { isSimulated } from '../../shared/simulated.js';
import { addJsonFlag, addYesFlag, twin } from '../options/flags.js';
import { commandFor } from '../options/kept-command.js';
import { type LinesWanted, linesWanted, refuseUnseen } from '../options/lines-wanted.js';
import type { CommandSetup } from '../setup.js';
import { confirm } from '../text/agree.js';
import { openedLines, priceText } from '../text/reopening.js';
import { giveAgain, keptOf } from './continue.js';
import { usualAskAbove } from './run.js';
import { personHere } from './steer.js';

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
    const out = await folderToRetry(ledger, meta, session.settings);
    const wanted = await linesWanted(flags);
    const context = batchContext(session, account, await lastModels(setup.settings));
    const steered = { ledger, by: personHere() };
    const what = { out, wants: wanted.wants, codes: flags.code };
    const retried = await retryBatch(context, steered, what, async (survey) => {
      await refuseUnseen(ledger, wanted);
      return agreeToPrice(setup, survey, { batch, yes: flags.yes });
    });
    if (retried.kind === 'not_agreed') return 'not_wanted';
    return await tellRetry(setup, { ledger, account, retried, wanted }, flags);
  } finally {
    await session.close();
  }
}

async function agreeToPrice(
  { terminal }: CommandSetup,
  survey: Survey,
  { batch, yes }: { batch: string; yes: boolean },
): Promise<boolean> {
  if (yes || countReopened(survey).total === 0) return true;
  terminal.note(priceText(`Retry of batch ${batch}`, survey));
  if ((await confirm('Go on?')) === 'yes') return true;
  terminal.note('Nothing was changed.');
  return false;
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
    `Batch ${meta.name} was made with ${what} and stays with it, so nothing was changed. Use what it was made with, or run the rows that did not succeed as a new batch.`,
  );
}

interface TriedAgain {
  ledger: BatchLedger;
  account: AccountLedger;
  retried: Exclude<Retried, { kind: 'not_agreed' }>;
  wanted: LinesWanted;
}

/** @throws BatchError `batch_conflict` where somebody else has opened all of it meanwhile */
async function tellRetry(
  setup: CommandSetup,
  { ledger, account, retried, wanted }: TriedAgain,
  flags: RetryFlags,
): Promise<Reopened> {
  const { terminal } = setup;
  const { opened, survey } = retried.kind === 'opened' ? retried : nothingOpened;
  if (retried.kind === 'opened' && opened === 0) {
    throw new BatchError(
      'batch_conflict',
      `Batch ${ledger.batch} has changed meanwhile: nothing was retried. Give the same command again.`,
    );
  }
  // Cancelled before its input was admitted as a whole: the rest can be admitted again.
  if (retried.kind === 'nothing' && wanted.statuses.includes('cancelled')) {
    await ledger.liftCancel();
  }
  const meta = await ledger.meta();
  if (meta === null)
    throw new BatchError(
      'internal',
      `Batch ${ledger.batch} was deleted meanwhile: give the same command again.`,
    );
  const text = () => afterRetryText({ survey, opened, meta, codes: wanted.codesSeen() });
  // With --run, what the run prints is the one result.
  if (flags.run) terminal.note(text());
  else if (flags.json) terminal.json(resultOf(ledger.batch, survey, opened));
  else {
    terminal.print(text());
    const makers = leftOf(meta) === 0 ? [] : whoMakesThem(setup, meta, await workersOf(account));
    for (const line of makers) terminal.print(line);
  }
  return { meta, credits: countReopened(survey).credits };
}

const nothingOpened: { opened: number; survey: Survey } = {
  opened: 0,
  survey: { groups: [], selected: new Map() },
};

/** The last lines: a command that can be typed as it stands. */
export function whoMakesThem(setup: CommandSetup, meta: BatchMeta, workers: number): string[] {
  if (workers > 0) {
    const look = commandFor(setup, ['status', meta.name]);
    return [
      `The ${counted(workers, 'worker')} of this account will make them. To see how far they are:`,
      `  ${look}`,
    ];
  }
  return ['To make them (or start a worker):', `  ${commandFor(setup, wordsThatGoOn(meta))}`];
}

export async function workersOf(account: AccountLedger): Promise<number> {
  return (await account.view()).workers;
}

/** @throws BatchError `bad_input` for a batch that cannot be run here */
function refuseNoRun(setup: CommandSetup, meta: BatchMeta): void {
  keptOf(setup, meta);
  if (meta.out !== '') return;
  throw new BatchError(
    'bad_input',
    `Batch ${meta.name} has no folder yet: a worker makes one when it starts on the batch.`,
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
