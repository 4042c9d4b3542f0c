import { type Command, InvalidArgumentError, Option } from 'commander';
import { BatchError, ExitCode } from '../shared/errors.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { accountHash } from '../shared/ledger/keys.js';
import type { LineStatus } from '../shared/manifest-line.js';
import {
  completeForSure,
  type Draft,
  draftReopening,
  type Reopener,
  reopen,
} from '../worker/reopen-lines.js';
import type { CommandSetup } from './command-setup.js';
import { confirm } from './confirm.js';
import { addJsonFlag, addYesFlag, twin } from './flags.js';
import { localOutput } from './local-output.js';
import { withReopener } from './open-reopener.js';
import { afterRetryText, countReopened, retryText } from './retry-text.js';
import { openStoreSession, type StoreSession } from './session.js';

interface RetryFlags {
  status: LineStatus[];
  yes: boolean;
  json: boolean;
}

const retryable: readonly LineStatus[] = ['failed', 'unknown', 'cancelled'];

export function addRetryCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('retry')
    .description('a new attempt for briefs that did not succeed, after saying what it may cost')
    .argument('<batch>')
    .addOption(
      twin(
        new Option('--status <list>', `which of them: ${retryable.join(', ')}`)
          .argParser(statuses)
          .default(['failed', 'unknown'], 'failed,unknown'),
      ),
    );
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

async function retry(setup: CommandSetup, batch: string, flags: RetryFlags): Promise<ExitCode> {
  const session = await openStoreSession(setup.settings, setup.terminal);
  try {
    const { ledger, account, meta } = await session.findBatch(batch);
    refuseOtherKey(session, meta);
    const out = await folderOf(meta);
    return await withReopener(session, { ledger, account, out }, (reopener) =>
      reopenBatch(setup, reopener, flags),
    );
  } finally {
    await session.close();
  }
}

/**
 * Whoever has no key here leaves the work to workers elsewhere; whoever has another has none that takes it.
 * @throws BatchError `batch_conflict`
 */
function refuseOtherKey({ settings }: StoreSession, meta: BatchMeta): void {
  const { apiKey, origin } = settings;
  if (apiKey === null || accountHash(origin, apiKey) === meta.account) return;
  const what = origin === meta.origin ? 'another API key' : `${meta.origin}, not ${origin},`;
  throw new BatchError(
    'batch_conflict',
    `Batch ${meta.name} was made with ${what} and stays with it, so nothing was opened: no worker of this key would take it. Use what it was made with, or run the rows that did not succeed as a new batch.`,
  );
}

async function reopenBatch(
  { terminal }: CommandSetup,
  reopener: Reopener,
  flags: RetryFlags,
): Promise<ExitCode> {
  const { ledger } = reopener;
  // One that was killed half-way comes to its end first.
  await completeForSure(reopener);
  const draft = await draftReopening(reopener, (line) => flags.status.includes(line.status));
  const { total } = countReopened(draft);
  if (total > 0 && !flags.yes) {
    terminal.note(retryText(draft, ledger.batch));
    if ((await ask(reopener, draft)) === 'no') {
      terminal.note('Nothing was changed.');
      return ExitCode.succeeded;
    }
  }
  await carryOut(reopener, draft, flags);
  const meta = await ledger.meta();
  if (flags.json) terminal.json(resultOf(ledger.batch, draft));
  else terminal.print(afterRetryText(draft, meta));
  return ExitCode.succeeded;
}

/** A draft of which nothing comes is not left behind. */
async function ask({ rewrite }: Reopener, draft: Draft): Promise<'yes' | 'no'> {
  let answer: 'yes' | 'no' = 'no';
  try {
    answer = await confirm('Go on?');
  } finally {
    if (answer === 'no') await rewrite.dropDraft(draft.token);
  }
  return answer;
}

async function carryOut(reopener: Reopener, draft: Draft, { status }: RetryFlags): Promise<void> {
  const { ledger } = reopener;
  const opens = draft.groups.some((group) => group.way !== 'reread');
  if (draft.groups.length > 0) {
    if ((await reopen(reopener, draft, opens ? 'lift' : 'keep')) === 'reopened') return;
    throw new BatchError(
      'batch_conflict',
      `Batch ${ledger.batch} has changed meanwhile: nothing was retried. Give the same command again.`,
    );
  }
  // Cancelled before its input was admitted as a whole: the rest can be admitted again.
  if (status.includes('cancelled')) await ledger.liftCancel();
}

/** @throws BatchError `bad_input` where the lines are not on this machine */
async function folderOf(meta: BatchMeta): Promise<string> {
  const out = await localOutput(meta);
  if (out !== null) return out;
  throw new BatchError(
    'bad_input',
    meta.out === ''
      ? `Batch ${meta.name} has no results yet.`
      : `The results of batch ${meta.name} are in ${meta.out}, which is not on this machine: retry it there.`,
  );
}

function resultOf(batch: string, draft: Draft) {
  const { total, rereads, newAttempts, perhapsAgain, credits } = countReopened(draft);
  return {
    batch,
    reopened: total,
    rereads,
    new_attempts: newAttempts,
    may_pay_twice: perhapsAgain,
    expected_credits: credits,
    skipped: draft.withoutContent,
    groups: draft.groups,
  };
}
