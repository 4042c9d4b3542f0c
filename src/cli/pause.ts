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
  try {
    const { ledger, meta } = await session.findBatch(batch);
    const reason = whyNot(meta);
    if (reason === null) {
      // The ledger first: it also holds back the submissions that a worker has taken from the queue already.
      await ledger.set({ paused: 1 });
      const queues = new StageQueues(session.connection, settings.prefix, batch);
      await queues.queue('submit').pause();
      await queues.close();
    }
    const { pending } = meta;
    const result = { batch, paused: reason === null, pending };
    terminal.print(json ? JSON.stringify(result) : (reason ?? pausedText(meta)));
    return ExitCode.succeeded;
  } finally {
    await session.close();
  }
}

function pausedText({ name, pending }: BatchMeta): string {
  return `Batch ${name} is paused: nothing is submitted until "rivya-batch resume ${name}". What was submitted is watched and collected. Briefs without a result yet: ${pending}.`;
}

/** Why there is nothing to hold back; null where there is. */
function whyNot({ name, admission, pending, rewriting, cancelled }: BatchMeta): string | null {
  if (cancelled) return `Batch ${name} is cancelled: nothing more of it is submitted anyway.`;
  if (admission === 'complete' && pending === 0 && !rewriting) {
    return `Batch ${name} is finished: there is nothing to pause.`;
  }
  return null;
}
