import type { Command } from 'commander';
import { BatchError, ExitCode } from '../shared/errors.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { counted } from '../shared/quantities.js';
import { StageQueues } from '../shared/queues.js';
import type { CommandSetup } from './command-setup.js';
import { commandFor, wordsThatGoOn } from './kept-command.js';
import { openStoreSession } from './session.js';

export function addForgetCommand(program: Command, setup: CommandSetup): void {
  program
    .command('forget')
    .description("delete a finished batch's state from Redis; its files stay")
    .argument('<batch>')
    .action((batch: string) => setup.run(() => forget(setup, batch)));
}

/** @throws BatchError `batch_unfinished` with what brings it to its end */
function refuseUnfinished(setup: CommandSetup, meta: BatchMeta): never {
  const { name, pending } = meta;
  const ways = [wordsThatGoOn(meta), ['cancel', name]].map((words) => commandFor(setup, words));
  throw new BatchError(
    'batch_unfinished',
    `Batch ${name} is not finished (${counted(pending, 'brief')} without a result); forgetting it would lose paid work. To bring it to its end:\n  ${ways[0]}\nor, for what was not submitted yet:\n  ${ways[1]}`,
  );
}

async function forget(setup: CommandSetup, batch: string): Promise<ExitCode> {
  const session = await openStoreSession(setup.settings, setup.terminal);
  try {
    const { ledger, meta } = await session.findBatch(batch);
    const open = meta.pending > 0 || meta.admission === 'open' || meta.rewriting;
    const unfinished = open || (await ledger.outbox.length()) > 0;
    if (unfinished) refuseUnfinished(setup, meta);
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
