import Table from 'cli-table3';
import { type Command, Option } from 'commander';
import { batchState } from '../shared/batch-state.js';
import { BatchError, ExitCode } from '../shared/errors.js';
import { AccountLedger } from '../shared/ledger/account-ledger.js';
import { BatchLedger } from '../shared/ledger/batch-ledger.js';
import { type BatchMeta, isSimulated } from '../shared/ledger/batch-meta.js';
import { batchesKey } from '../shared/ledger/keys.js';
import { runReport } from '../shared/run-report.js';
import type { CommandSetup } from './command-setup.js';
import { addJsonFlag, twin } from './flags.js';
import { openStoreSession, type StoreSession } from './session.js';
import { batchJson, printBatch, readBatchSight } from './show-batch.js';
import { showFailures } from './show-failures.js';

interface StatusFlags {
  json: boolean;
  failed: boolean;
}

export function addStatusCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('status')
    .description('all batches, or one')
    .argument('[batch]')
    .addOption(
      twin(
        new Option('--failed', 'why briefs of this batch did not succeed, and what to do'),
      ).default(false),
    );
  addJsonFlag(command);
  command.action((batch: string | undefined, flags: StatusFlags) =>
    setup.run(async () => {
      if (flags.failed && batch === undefined) {
        throw new BatchError('usage', '--failed needs a batch: rivya-batch status BATCH --failed');
      }
      const session = await openStoreSession(setup.settings, setup.terminal);
      const format = flags.json ? 'json' : 'table';
      try {
        if (batch === undefined) return await showAll(setup, session, format);
        if (!flags.failed) return await showOne(setup, session, { batch, format });
        const { meta } = await session.findBatch(batch);
        return await showFailures(setup.terminal, meta, format);
      } finally {
        await session.close();
      }
    }),
  );
}

type Format = 'json' | 'table';

interface ListedBatch {
  meta: BatchMeta;
  /** Finished lines that are not in the manifest yet. */
  unwritten: number;
}

async function showAll(
  { terminal }: CommandSetup,
  session: StoreSession,
  format: Format,
): Promise<ExitCode> {
  const { connection, settings, clock } = session;
  const names = (await connection.smembers(batchesKey(settings.prefix))).sort();
  const listed: ListedBatch[] = [];
  for (const name of names) {
    const account = new AccountLedger(connection, settings.prefix, 'nobody');
    const ledger = new BatchLedger(connection, settings.prefix, name, account);
    const meta = await ledger.meta();
    if (meta) listed.push({ meta, unwritten: await ledger.outbox.length() });
  }
  if (format === 'json') {
    const reports = listed.map(({ meta, unwritten }) => ({
      ...runReport(meta, clock.now()),
      unwritten,
    }));
    terminal.print(JSON.stringify(reports));
    return ExitCode.succeeded;
  }
  if (listed.length === 0) {
    terminal.print('There are no batches yet. Start one: rivya-batch run FILE --out FOLDER');
    return ExitCode.succeeded;
  }
  terminal.print(tableOf(listed));
  return ExitCode.succeeded;
}

function tableOf(listed: ListedBatch[]): string {
  const table = new Table({
    head: ['batch', 'state', 'briefs', 'done', 'failed', 'unknown', 'left', 'to write', 'credits'],
    style: { head: [], border: [] },
  });
  for (const { meta, unwritten } of listed) {
    const { name, lines, admitted, pending, spent } = meta;
    const { succeeded, failed, unknown } = lines;
    const state = `${batchState(meta)}${isSimulated(meta) ? ', simulated' : ''}`;
    table.push([name, state, admitted, succeeded, failed, unknown, pending, unwritten, spent]);
  }
  return table.toString();
}

async function showOne(
  { terminal }: CommandSetup,
  session: StoreSession,
  { batch, format }: { batch: string; format: Format },
): Promise<ExitCode> {
  const sight = await readBatchSight(session, batch);
  const nowMs = session.clock.now();
  if (format === 'json') terminal.print(batchJson(sight, nowMs));
  else printBatch(terminal, batchState(sight.meta), sight, nowMs);
  return ExitCode.succeeded;
}
