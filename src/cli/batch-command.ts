import type { Command } from 'commander';
import { ExitCode } from '../shared/errors.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { StageQueues } from '../shared/queues.js';
import type { CommandSetup } from './command-setup.js';
import { addJsonFlag } from './flags.js';
import { openStoreSession, type StoreSession } from './session.js';

export type FoundBatch = Awaited<ReturnType<StoreSession['findBatch']>>;

/** What a command that steers one batch did, for programs and for people. */
export interface Steered {
  json: Record<string, unknown>;
  text: string;
}

/** A command with one batch and `--json`, and nothing else to say. */
export function addBatchCommand(
  program: Command,
  setup: CommandSetup,
  spec: {
    name: string;
    description: string;
    steer(session: StoreSession, found: FoundBatch): Promise<Steered>;
  },
): void {
  const command = program.command(spec.name).description(spec.description).argument('<batch>');
  addJsonFlag(command);
  command.action((batch: string, flags: { json: boolean }) =>
    setup.run(async () => {
      const session = await openStoreSession(setup.settings, setup.terminal);
      try {
        const { json, text } = await spec.steer(session, await session.findBatch(batch));
        if (flags.json) setup.terminal.json({ batch, ...json });
        else setup.terminal.print(text);
        return ExitCode.succeeded;
      } finally {
        await session.close();
      }
    }),
  );
}

/** Holds back the jobs that submit, or lets them go on. */
export async function switchSubmissions(
  { connection, settings }: StoreSession,
  { name }: BatchMeta,
  to: 'pause' | 'resume',
): Promise<void> {
  const queues = new StageQueues(connection, settings.prefix, name);
  try {
    await queues.queue('submit')[to]();
  } finally {
    await queues.close();
  }
}
