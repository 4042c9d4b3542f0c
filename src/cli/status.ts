import { type Command, Option } from 'commander';
import pc from 'picocolors';
import { batchState, withoutSuccess } from '../shared/batch-state.js';
import { BatchError, ExitCode } from '../shared/errors.js';
import { AccountLedger } from '../shared/ledger/account-ledger.js';
import { BatchLedger } from '../shared/ledger/batch-ledger.js';
import { type BatchMeta, isSimulated } from '../shared/ledger/batch-meta.js';
import { batchesKey } from '../shared/ledger/keys.js';
import { creditsNumber } from '../shared/quantities.js';
import { runReport } from '../shared/run-report.js';
import type { CommandSetup } from './command-setup.js';
import { addJsonFlag, twin } from './flags.js';
import { openStoreSession, type StoreSession } from './session.js';
import { batchJson, printBatch, readBatchSight } from './show-batch.js';
import { showFailures } from './show-failures.js';
import { type Column, printTable } from './table.js';

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
    terminal.json(reports);
    return ExitCode.succeeded;
  }
  if (listed.length === 0) {
    terminal.print('There are no batches yet. Start one: rivya-batch run FILE --out FOLDER');
    return ExitCode.succeeded;
  }
  printTable(terminal, listed, columns);
  return ExitCode.succeeded;
}

const columns: Column<ListedBatch>[] = [
  { head: 'batch', text: ({ meta }) => meta.name, narrow: { least: 20, by: 'middle' } },
  {
    head: 'state',
    text: ({ meta }) => `${batchState(meta)}${isSimulated(meta) ? ', simulated' : ''}`,
    paint: paintState,
  },
  countColumn('briefs', ({ meta }) => meta.admitted, { leaveOut: 2 }),
  countColumn('succeeded', ({ meta }) => meta.lines.succeeded),
  countColumn('failed', ({ meta }) => meta.lines.failed, { paint: pc.red }),
  countColumn('unknown', ({ meta }) => meta.lines.unknown, { paint: pc.yellow, quiet: '0' }),
  countColumn('cancelled', ({ meta }) => meta.lines.cancelled, { quiet: '0' }),
  countColumn('left', ({ meta }) => meta.pending),
  countColumn('to write', ({ unwritten }) => unwritten, { quiet: '0' }),
  {
    head: 'credits',
    text: ({ meta }) => creditsNumber(meta.spent),
    align: 'right',
    leaveOut: 1,
  },
];

/** Finished is good only where all succeeded. */
function paintState(shown: string, { meta }: ListedBatch): string {
  if (batchState(meta) !== 'finished') return shown;
  return withoutSuccess(meta) > 0 ? pc.red(shown) : pc.green(shown);
}

function countColumn(
  head: string,
  count: (listed: ListedBatch) => number,
  { paint, ...more }: { paint?: (text: string) => string; leaveOut?: number; quiet?: string } = {},
): Column<ListedBatch> {
  return {
    head,
    text: (listed) => String(count(listed)),
    align: 'right',
    ...more,
    ...(paint ? { paint: (shown, listed) => (count(listed) > 0 ? paint(shown) : shown) } : {}),
  };
}

async function showOne(
  { terminal }: CommandSetup,
  session: StoreSession,
  { batch, format }: { batch: string; format: Format },
): Promise<ExitCode> {
  const sight = await readBatchSight(session, batch);
  const nowMs = session.clock.now();
  if (format === 'json') terminal.json(batchJson(sight, nowMs));
  else printBatch(terminal, batchState(sight.meta), sight, nowMs);
  return ExitCode.succeeded;
}
