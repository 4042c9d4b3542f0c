import { type Command, Option } from 'commander';
import { ExitCode } from '../shared/errors.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { counted, formatCredits } from '../shared/quantities.js';
import {
  type CancelCounts,
  cancelBatch,
  surveyUnderWay,
  type UnderWay,
} from '../worker/cancel-batch.js';
import { finalizeBatch } from '../worker/finalize-batch.js';
import { ManifestWriter } from '../worker/manifest-writer.js';
import { completeForSure } from '../worker/reopen-lines.js';
import { type FoundBatch, switchSubmissions } from './batch-command.js';
import type { CommandSetup } from './command-setup.js';
import { confirm } from './confirm.js';
import { addJsonFlag, addYesFlag, twin } from './flags.js';
import { localOutput } from './local-output.js';
import { withReopener } from './open-reopener.js';
import { openStoreSession, type StoreSession } from './session.js';

interface CancelFlags {
  abandon: boolean;
  yes: boolean;
  json: boolean;
}

export function addCancelCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('cancel')
    .description('end a batch: what was not submitted gets a line "cancelled"')
    .argument('<batch>')
    .addOption(
      twin(
        new Option('--abandon', 'also stop watching what was submitted, and lose what it cost'),
      ).default(false),
    );
  addYesFlag(command);
  addJsonFlag(command);
  command.action((batch: string, flags: CancelFlags) =>
    setup.run(() => cancel(setup, batch, flags)),
  );
}

async function cancel(setup: CommandSetup, batch: string, flags: CancelFlags): Promise<ExitCode> {
  const { settings, terminal } = setup;
  const session = await openStoreSession(settings, terminal);
  try {
    const found = await session.findBatch(batch);
    const lost = flags.abandon ? await surveyUnderWay(session.connection, found.ledger) : null;
    if (lost && lost.tasks + lost.inDoubt > 0 && !flags.yes) {
      terminal.note(lossText(lost));
      if ((await confirm('Abandon them?')) === 'no') {
        terminal.note('Nothing was changed.');
        return ExitCode.interrupted;
      }
    }
    if ((await found.ledger.cancel()) === 'was_finished') {
      if (flags.json) terminal.json({ batch, cancelled: 0, abandoned: 0, pending: 0 });
      else terminal.print(`Batch ${batch} is finished: there is nothing to cancel.`);
      return ExitCode.succeeded;
    }
    const counts = await endBriefs(session, found, flags);
    const meta = (await found.ledger.meta()) ?? found.meta;
    if (flags.json) terminal.json({ batch, ...counts, pending: meta.pending });
    else terminal.print(endText(meta, counts));
    return ExitCode.succeeded;
  } finally {
    await session.close();
  }
}

async function endBriefs(
  session: StoreSession,
  { ledger, account, meta }: FoundBatch,
  { abandon }: CancelFlags,
): Promise<CancelCounts> {
  const { connection, clock } = session;
  // Held back or not, jobs of what is still in doubt must be able to run.
  await switchSubmissions(session, meta, 'resume');
  const out = await localOutput(meta);
  const writer = out === null ? null : new ManifestWriter(ledger.outbox, out);
  if (out !== null) await withReopener(session, { ledger, account, out }, completeForSure);
  const counts = await cancelBatch({
    redis: connection,
    ledger,
    clock,
    mode: abandon ? 'abandon' : 'collect',
    flush: async () => writer?.flush(),
  });
  if (out !== null) await finalizeBatch({ ledger, out, clock });
  return counts;
}

function lossText({ tasks, inDoubt, credits }: UnderWay): string {
  const parts = [`${counted(tasks, 'task')} under way`];
  if (inDoubt > 0) parts.push(`${inDoubt} of which it is not known yet whether they were accepted`);
  return `This throws away ${parts.join(' and ')}: ${formatCredits(credits)}, which are charged all the same. Without --abandon they are collected.`;
}

function endText({ name, pending }: BatchMeta, { cancelled, abandoned }: CancelCounts): string {
  const sentences = [
    `Batch ${name} is cancelled. Briefs that will not be submitted: ${cancelled}.`,
  ];
  if (abandoned > 0) sentences.push(`Submitted and left behind: ${abandoned}.`);
  if (pending > 0) {
    sentences.push(
      `Submitted, or perhaps so, and still to be collected: ${pending}. The same run command does it, or "rivya-batch worker" wherever it runs.`,
    );
  }
  sentences.push(`To take it back: rivya-batch retry ${name} --status cancelled`);
  return sentences.join('\n');
}
