import type { Command } from 'commander';
import { ExitCode } from '../shared/errors.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { StageQueues } from '../shared/queues.js';
import { cancelledSentence } from './cancelled-batch.js';
import type { CommandSetup } from './command-setup.js';
import { addJsonFlag } from './flags.js';
import { openStoreSession } from './session.js';

export function addResumeCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('resume')
    .description('submit again what "pause" held back')
    .argument('<batch>');
  addJsonFlag(command);
  command.action((batch: string, flags: { json: boolean }) =>
    setup.run(() => resume(setup, batch, flags)),
  );
}

async function resume(
  { settings, terminal }: CommandSetup,
  batch: string,
  { json }: { json: boolean },
): Promise<ExitCode> {
  const session = await openStoreSession(settings, terminal);
  try {
    const { ledger, meta } = await session.findBatch(batch);
    const queues = new StageQueues(session.connection, settings.prefix, batch);
    // Both marks are taken away whatever one finds: a crash may have left only one of them.
    await queues.queue('submit').resume();
    await queues.close();
    await ledger.resume();
    const { pending, paused } = meta;
    const result = { batch, paused: false, was_paused: paused, pending };
    terminal.print(json ? JSON.stringify(result) : resumedText(meta));
    return ExitCode.succeeded;
  } finally {
    await session.close();
  }
}

function resumedText({ name, cancelled, paused, pending }: BatchMeta): string {
  if (cancelled) return cancelledSentence(name);
  return paused
    ? `Batch ${name} goes on. Briefs without a result yet: ${pending}.`
    : `Batch ${name} was not paused.`;
}
