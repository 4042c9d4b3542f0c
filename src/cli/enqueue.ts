import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { admitInput } from '../producer/admit-input.js';
import { batchNameFromFile, checkBatchName } from '../shared/batch-name.js';
import { ExitCode } from '../shared/errors.js';
import { claimOutputFolder } from '../shared/output-folder.js';
import { StageQueues } from '../shared/queues.js';
import { refuseCancelled } from './cancelled-batch.js';
import type { CommandSetup } from './command-setup.js';
import { compileFromFlags, rejectedFileIn, reportRejections } from './compile.js';
import { addInputFlags, addJsonFlag, addOutFlag, type InputFlags, twin } from './flags.js';
import { Interrupts } from './interrupts.js';
import { openRunBatch } from './open-run-batch.js';
import { openStoreSession } from './session.js';

interface EnqueueFlags extends InputFlags {
  out?: string;
  rejected?: string;
  json: boolean;
}

export function addEnqueueCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('enqueue')
    .description('the producer alone: check the input and queue it for workers')
    .argument('<file...>', 'CSV, TSV, JSON or JSON Lines; - is stdin');
  addOutFlag(command, "folder of the results (default: the worker's own)", 'optional');
  addInputFlags(command);
  command.addOption(twin(new Option('--rejected <file>', 'write rows that cannot be used here')));
  addJsonFlag(command);
  command.action((files: string[], flags: EnqueueFlags) =>
    setup.run(() => enqueue(setup, files, flags)),
  );
}

async function enqueue(
  setup: CommandSetup,
  files: string[],
  flags: EnqueueFlags,
): Promise<ExitCode> {
  const { terminal, settings } = setup;
  const batch = flags.batch ? checkBatchName(flags.batch) : batchNameFromFile(files[0] ?? '-');
  const out = flags.out ? resolve(flags.out) : '';
  const input = await compileFromFlags(files, flags, settings);
  try {
    if (out) await claimOutputFolder(out, batch);
    await reportRejections(input, {
      terminal,
      rejectedFile: flags.rejected ?? (out ? rejectedFileIn(out) : null),
      skipInvalid: flags.skipInvalid ? 'skip' : 'refuse',
    });
    return await admit(setup, { input, batch, out, files, flags });
  } finally {
    await input.dispose();
  }
}

type Admission = Parameters<typeof openRunBatch>[1] & { flags: EnqueueFlags };

async function admit(setup: CommandSetup, request: Admission): Promise<ExitCode> {
  const { terminal, settings } = setup;
  const { input, batch, flags } = request;
  const session = await openStoreSession(settings, terminal);
  const interrupts = new Interrupts();
  const queues = new StageQueues(session.connection, settings.prefix, batch);
  try {
    const { ledger, news, journal, meta: opened } = await openRunBatch(session, request);
    refuseCancelled(opened);
    if (news === 'some') {
      const { clock } = session;
      const admitting = { ledger, queues, clock, journal, stopping: interrupts.signal };
      if ((await admitInput(admitting, input)) === 'stopped') {
        terminal.print(
          `Stopped; run the same command again to queue the rest.\n  ${setup.commandLine}`,
        );
        return ExitCode.interrupted;
      }
    }
    const meta = await ledger.meta();
    const { briefs, rejected, duplicates } = input.counts;
    const pending = meta?.pending ?? 0;
    if (flags.json) {
      terminal.print(JSON.stringify({ batch, briefs, rejected, duplicates, pending }));
    } else {
      terminal.print(
        `Batch ${batch}: ${briefs} briefs queued or known, ${pending} without a result yet.`,
      );
      terminal.print(
        'They are worked on wherever "rivya-batch worker" runs with the same Redis and key.',
      );
    }
    return ExitCode.succeeded;
  } finally {
    await queues.close();
    interrupts.end();
    await session.close();
  }
}
