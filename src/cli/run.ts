import { resolve } from 'node:path';
import type { Command } from 'commander';
import { admitBriefs } from '../producer/admit-briefs.js';
import type { CompiledInput } from '../producer/compile-input.js';
import { batchNameFromFile, checkBatchName } from '../shared/batch-name.js';
import type { ExitCode } from '../shared/errors.js';
import { claimOutputFolder } from '../shared/output-folder.js';
import { queueStages, StageQueues } from '../shared/queues.js';
import { writeReport } from '../worker/finalize-batch.js';
import type { CommandSetup } from './command-setup.js';
import { compileFromFlags, rejectedFileIn, reportRejections } from './compile.js';
import { requireApiKey } from './environment.js';
import type { InputFlags, RequestFlags } from './flags.js';
import { addInputFlags, addJsonFlag, addOutFlag, addRequestFlags } from './flags.js';
import { Interrupts } from './interrupts.js';
import { openRunBatch, type RunBatch } from './open-run-batch.js';
import { printSummary } from './print-summary.js';
import { openClient, openLogger, openStoreSession } from './session.js';
import { noticeTeller } from './tell-notice.js';
import { type RunEnd, watchRun } from './watch-run.js';
import { openWorker } from './worker-session.js';

interface RunFlags extends InputFlags, RequestFlags {
  out: string;
  json: boolean;
  wait: boolean;
}

/** On Ctrl+C, what is under way has so long to finish before it is left to the next run. */
const stopWithinMs = 10_000;

export function addRunCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('run')
    .description('the whole job: check, submit, watch, download, write the manifest')
    .argument('<file...>', 'CSV, TSV, JSON or JSON Lines; - is stdin');
  addOutFlag(command, 'folder of the results', 'needed');
  addInputFlags(command);
  addRequestFlags(command);
  command.option('--no-wait', 'stop with exit code 4 when the account is out of credits');
  addJsonFlag(command);
  command.action((files: string[], flags: RunFlags) => setup.run(() => run(setup, files, flags)));
}

async function run(setup: CommandSetup, files: string[], flags: RunFlags): Promise<ExitCode> {
  const { settings } = setup;
  requireApiKey(settings);
  const out = resolve(flags.out);
  const batch = flags.batch ? checkBatchName(flags.batch) : batchNameFromFile(files[0] ?? '-');
  const input = await compileFromFlags(files, flags);
  try {
    await claimOutputFolder(out, batch);
    await reportRejections(input, {
      terminal: setup.terminal,
      rejectedFile: rejectedFileIn(out),
      skipInvalid: flags.skipInvalid ? 'skip' : 'refuse',
    });
    return await runInput(setup, { input, batch, out, files, flags });
  } finally {
    await input.dispose();
  }
}

interface RunRequest {
  input: CompiledInput;
  batch: string;
  out: string;
  files: string[];
  flags: RunFlags;
}

async function runInput(setup: CommandSetup, request: RunRequest): Promise<ExitCode> {
  const session = await openStoreSession(setup.settings, setup.terminal);
  const interrupts = new Interrupts();
  try {
    const opened = await openRunBatch(session, request);
    const end =
      opened.news === 'none' ? 'finished' : await work(setup, { request, opened, interrupts });
    return await printSummary(setup, { opened, end, json: request.flags.json });
  } finally {
    interrupts.end();
    await session.close();
  }
}

interface Work {
  request: RunRequest;
  opened: RunBatch;
  interrupts: Interrupts;
}

async function work(setup: CommandSetup, { request, opened, interrupts }: Work): Promise<RunEnd> {
  const { session, ledger, account, meta } = opened;
  const { flags, out, input } = request;
  const { terminal, settings } = setup;
  const client = openClient(settings);
  const log = openLogger(setup.logLevel);
  const { worker, close } = await openWorker({
    session,
    account,
    client,
    stages: queueStages,
    flags,
    log,
  });
  const queues = new StageQueues(session.connection, settings.prefix, ledger.batch);
  try {
    const notify = noticeTeller(terminal, session.clock.now);
    await worker.attach({ batch: ledger.batch, nonce: meta.nonce, out, notify });
    const stopping = interrupts.signal;
    const admitting = admitAll({ ledger, queues, clock: session.clock, stopping }, input);
    return await watchRun({ opened, flags, terminal, interrupts, admitting });
  } finally {
    terminal.progress('');
    await close(stopWithinMs);
    await queues.close();
    await writeReport({ ledger, out, clock: session.clock });
    await client.close();
  }
}

async function admitAll(
  admitting: Parameters<typeof admitBriefs>[0],
  input: CompiledInput,
): Promise<void> {
  const admitted = await admitBriefs(admitting, input.briefs());
  if (admitted === 'stopped') return;
  const { rows, rejected, duplicates } = input.counts;
  await admitting.ledger.markAdmission('complete', { rows, rejected, duplicates });
}
