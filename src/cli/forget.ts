import type { Command } from 'commander';
import { BatchError, ExitCode } from '../shared/errors.js';
import { StageQueues } from '../shared/queues.js';
import type { CommandSetup } from './command-setup.js';
import { openStoreSession } from './session.js';

export function addForgetCommand(program: Command, setup: CommandSetup): void {
  program
    .command('forget')
    .description("delete a finished batch's state from Redis; its files stay")
    .argument('<batch>')
    .action((batch: string) => setup.run(() => forget(setup, batch)));
}

async function forget(setup: CommandSetup, batch: string): Promise<ExitCode> {
  const session = await openStoreSession(setup.settings, setup.terminal);
  try {
    const { ledger, meta } = await session.findBatch(batch);
    const open = meta.pending > 0 || meta.admission === 'open' || meta.rewriting;
    const unfinished = open || (await ledger.outbox.length()) > 0;
    if (unfinished) {
      throw new BatchError(
        'batch_unfinished',
        `Batch ${batch} is not finished (${meta.pending} briefs without a result); forgetting it would lose paid work.`,
      );
    }
    const queues = new StageQueues(session.connection, setup.settings.prefix, batch);
    await queues.obliterate();
    await queues.close();
    await ledger.forget();
    setup.terminal.print(
      `Batch ${batch} is forgotten. Its files are still in ${meta.out || 'their folder'}.`,
    );
    return ExitCode.succeeded;
  } finally {
    await session.close();
  }
}
