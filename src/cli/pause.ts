import type { Command } from 'commander';
import { ExitCode } from '../shared/errors.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { StageQueues } from '../shared/queues.js';
import type { CommandSetup } from './command-setup.js';
import { addJsonFlag } from './flags.js';
import { openStoreSession } from './session.js';

export function addPauseCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('pause')
    .description('submit nothing more of a batch for now; what is submitted is collected')
    .argument('<batch>');
  addJsonFlag(command);
  command.action((batch: string, flags: { json: boolean }) =>
    setup.run(() => pause(setup, batch, flags)),
  );
}

async function pause(
  { settings, terminal }: CommandSetup,
  batch: string,
  { json }: { json: boolean },
): Promise<ExitCode> {
  const session = await openStoreSession(settings, terminal);
  const queues = new StageQueues(session.connection, settings.prefix, batch);
  try {
    const { ledger, meta } = await session.findBatch(batch);
    const endless = isOver(meta);
    if (endless === null) {
      // The ledger first: it also holds back the submissions that a worker has taken from the queue already.
      await ledger.set({ paused: 1 });
      await queues.queue('submit').pause();
    }
    const { pending } = meta;
    terminal.print(
      json
        ? JSON.stringify({ batch, paused: endless === null, pending })
        : (endless ??
            `Batch ${batch} is paused: nothing is submitted until "rivya-batch resume ${batch}". What was submitted is watched and collected; ${pending} briefs have no result yet.`),
    );
    return ExitCode.succeeded;
  } finally {
    await queues.close();
    await session.close();
  }
}

/** Why there is nothing to hold back; null where there is. */
function isOver({ name, admission, pending, rewriting, cancelled }: BatchMeta): string | null {
  if (cancelled) return `Batch ${name} is cancelled: nothing more of it is submitted anyway.`;
  if (admission === 'complete' && pending === 0 && !rewriting) {
    return `Batch ${name} is finished: there is nothing to pause.`;
  }
  return null;
}
