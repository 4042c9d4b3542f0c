import { stat } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import pc from 'picocolors';
import { isBucketAddress } from '../../bucket/bucket-address.js';
import {
  type BatchSight,
  countQueued,
  limitingWhile,
  notSubmitted,
} from '../../forecast/outlook.js';
import { AccountLedger } from '../../ledger/account-ledger.js';
import { type AccountView, mostInFlight } from '../../ledger/account-view.js';
import { BatchLedger } from '../../ledger/batch-ledger.js';
import {
  type BatchMeta,
  batchState,
  leftOf,
  wholeOf,
  withoutSuccess,
} from '../../ledger/batch-meta.js';
import { batchesKey } from '../../ledger/keys.js';
import type { Message } from '../../ledger/message-ledger.js';
import {
  lastMessage,
  messageJson,
  type ShownWebhook,
  shownWebhook,
  untoldText,
  webhookText,
} from '../../notify/words.js';
import { type FailureGroup, groupFailures } from '../../results/failures.js';
import { manifestPath, readableLines } from '../../results/manifest.js';
import { type OutputPlaces, openOutput } from '../../results/output-places.js';
import { runReport } from '../../results/run-report.js';
import { openStoreSession, type StoreSession } from '../../session/store-session.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import {
  counted,
  creditsNumber,
  formatCredits,
  formatDuration,
  grouped,
  quoteName,
} from '../../shared/quantities.js';
import { isSimulated } from '../../shared/simulated.js';
import { addJsonFlag, twin } from '../options/flags.js';
import type { CommandSetup } from '../setup.js';
import { limitingText, outputsText } from '../text/sentences.js';
import { type Column, printTable } from '../text/table.js';
import { filesDueText } from '../text/tell-notice.js';
import { hangingLines, printFacts, type Terminal } from '../text/terminal.js';

interface StatusFlags {
  json: boolean;
  failed: boolean;
}

export function addStatusCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('status')
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
        return await showFailures(setup, meta, format);
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
      priority: meta.priority,
      unwritten,
    }));
    terminal.json(reports);
    return ExitCode.succeeded;
  }
  if (listed.length === 0) {
    terminal.print('There are no batches yet. Start one: rivya-batch run FILE --out FOLDER');
    return ExitCode.succeeded;
  }
  // Most have none: a table that is read by a program keeps its columns.
  const isRanked = listed.some(({ meta }) => meta.priority !== 0);
  printTable(terminal, listed, isRanked ? [...columns, priorityColumn] : columns);
  return ExitCode.succeeded;
}

const columns: Column<ListedBatch>[] = [
  { head: 'batch', text: ({ meta }) => meta.name, narrow: { least: 20, by: 'middle' } },
  {
    head: 'state',
    text: ({ meta }) => `${batchState(meta)}${isSimulated(meta) ? ', simulated' : ''}`,
    paint: paintState,
  },
  countColumn('briefs', ({ meta }) => wholeOf(meta), { leaveOut: 2 }),
  countColumn('succeeded', ({ meta }) => meta.lines.succeeded),
  countColumn('failed', ({ meta }) => meta.lines.failed, { paint: pc.red }),
  countColumn('unknown', ({ meta }) => meta.lines.unknown, { paint: pc.yellow, quiet: '0' }),
  countColumn('cancelled', ({ meta }) => meta.lines.cancelled, { quiet: '0' }),
  countColumn('left', ({ meta }) => leftOf(meta)),
  countColumn('to write', ({ unwritten }) => unwritten, { quiet: '0' }),
  {
    head: 'credits',
    text: ({ meta }) => creditsNumber(meta.spent),
    align: 'right',
    leaveOut: 1,
  },
];

const priorityColumn = countColumn('priority', ({ meta }) => meta.priority);

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

interface StatusSight extends BatchSight {
  /** Finished lines that are not in the manifest yet. */
  unwritten: number;
  /** Why a worker could not begin with the batch lately. */
  notBegun: string | null;
  /** Why files of finished tasks cannot be fetched; how many says the queue. */
  fileTrouble: string | null;
  /** What people call the key; null where they call it nothing. */
  keyLabel: string | null;
  /** Who is told of it; null where nobody is. */
  webhook: ShownWebhook | null;
  /** The last that there was to tell; null where there was nothing. */
  lastMessage: Message | null;
}

export async function readBatchSight(session: StoreSession, batch: string): Promise<StatusSight> {
  const { meta, account, ledger } = await session.findBatch(batch);
  // The list of all batches needs no queues, and BullMQ takes longer to be loaded than all that it does need.
  const { StageQueues } = await import('../../shared/queues.js');
  const queues = new StageQueues(session.connection, session.settings.prefix, batch);
  try {
    const [view, queued, unwritten, notBegun, fileTrouble, [webhook], messages, keyLabel] =
      await Promise.all([
        account.view(),
        countQueued(queues),
        ledger.outbox.length(),
        ledger.notBegun(),
        ledger.fileTrouble(),
        account.messages.webhooks([`batch ${batch}`]),
        account.messages.all(),
        account.records.label(),
      ]);
    return {
      ...{ meta, account: view, queued, unwritten, notBegun, fileTrouble, keyLabel },
      webhook: webhook ? shownWebhook(webhook) : null,
      lastMessage: lastMessage(messages.filter((message) => message.batch === batch)),
    };
  } finally {
    await queues.close();
  }
}

export function batchJson(sight: StatusSight, nowMs: number) {
  const { meta, account, queued, unwritten, notBegun, fileTrouble, webhook } = sight;
  const { filesDue } = queued;
  return {
    ...runReport(meta, nowMs),
    priority: meta.priority,
    unwritten,
    not_begun: notBegun,
    files_due: { count: filesDue, reason: filesDue > 0 ? fileTrouble : null },
    notify: webhook && { ...webhook, last: sight.lastMessage && messageJson(sight.lastMessage) },
    key: sight.keyLabel,
    account,
  };
}

export function printBatch(
  terminal: Terminal,
  state: string,
  sight: StatusSight,
  nowMs: number,
): void {
  const { meta, account, queued, unwritten, notBegun, fileTrouble, webhook } = sight;
  const waiting = notSubmitted(sight);
  const rows: [string, string][] = [
    ['results', meta.out || '(in the folder of the first worker that has one)'],
    ['briefs', `${wholeOf(meta)}: ${countsText(meta, waiting)}`],
    ...(meta.outputs.length === 0 ? [] : [['steps', outputsText(meta)] satisfies [string, string]]),
    ...(meta.toCome === 0 ? [] : [['admitted', admittedText(meta)] satisfies [string, string]]),
    ['input', `${meta.rejected} rejected, ${counted(meta.duplicates, 'duplicate')}`],
    ...(meta.priority === 0
      ? []
      : [['priority', String(meta.priority)] satisfies [string, string]]),
    ['credits', `${formatCredits(meta.spent)} spent, ${formatCredits(meta.reserved)} reserved`],
    ...(sight.keyLabel === null ? [] : [['key', sight.keyLabel] satisfies [string, string]]),
    ['pace', paceText(account)],
    ['in flight', placesText(account)],
  ];
  if (leftOf(meta) > 0) {
    rows.push(['limited by', limitingText(limitingWhile(sight, nowMs), account, meta)]);
  }
  if (queued.filesDue > 0) {
    const text = filesDueText({ count: queued.filesDue, reason: fileTrouble });
    rows.push(['files', pc.yellow(text)]);
  }
  if (unwritten > 0) rows.push(['to write', unwrittenText(unwritten, meta)]);
  if (notBegun !== null) rows.push(['not begun', pc.yellow(notBegun)]);
  if (webhook !== null) {
    const untold = sight.lastMessage && untoldText(sight.lastMessage, nowMs);
    rows.push(['notify', `${webhookText(webhook)}${untold ? pc.yellow(`, which ${untold}`) : ''}`]);
  }
  terminal.print(`Batch ${meta.name}: ${state}${isSimulated(meta) ? ', SIMULATED' : ''}`);
  printFacts(terminal, rows);
}

/** Those that it has room for; the rest goes on where its command runs. */
function admittedText(meta: BatchMeta): string {
  const { admitted, name } = meta;
  return `${grouped(admitted)} of ${grouped(wholeOf(meta))}; the rest is admitted as these are made (to continue: rivya-batch continue ${name})`;
}

function countsText(meta: BatchMeta, waiting: number): string {
  const { succeeded, failed, unknown, cancelled } = meta.lines;
  const pending = leftOf(meta);
  const left = pending === 0 ? '' : ` (${pending - waiting} running, ${waiting} waiting)`;
  const marked = (count: number, text: string, paint: (text: string) => string) =>
    count > 0 ? paint(`${count} ${text}`) : `${count} ${text}`;
  return [
    `${succeeded} succeeded`,
    marked(failed, 'failed', pc.red),
    marked(unknown, 'unknown', pc.yellow),
    `${cancelled} cancelled`,
    `${pending} left${left}`,
  ].join(', ');
}

function unwrittenText(unwritten: number, { out }: BatchMeta): string {
  const where = out || 'the folder';
  return `${counted(unwritten, 'line')} not in the manifest yet: a worker that has ${where} writes them`;
}

function paceText({ told, learnedRate, learnedAgeMs }: AccountView): string {
  const learned =
    learnedRate === null
      ? 'not learned yet'
      : `${learnedRate.toFixed(1)} requests/s, learned ${formatDuration(learnedAgeMs)} ago`;
  return told.rate === null ? learned : `${told.rate} requests/s (set)`;
}

function placesText(account: AccountView): string {
  return `${counted(account.inFlight, 'task')} of this account, of at most ${mostInFlight(account)}`;
}

/** `status BATCH --failed`: why briefs did not succeed, and what can be done about it. */
async function showFailures(
  { terminal, settings }: CommandSetup,
  meta: BatchMeta,
  format: 'json' | 'table',
): Promise<ExitCode> {
  const out = await findManifest(meta, settings);
  const unreadable: number[] = [];
  const groups = await groupFailures(readableLines(out, (row) => unreadable.push(row)));
  if (unreadable.length > 0) {
    terminal.warn(
      `${unreadable.length} lines of ${manifestPath(meta.out)} cannot be read: "rivya-batch verify ${meta.out}" names them.`,
    );
  }
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  if (format === 'json') {
    terminal.json({ batch: meta.name, not_succeeded: count, groups });
    return ExitCode.succeeded;
  }
  const left = leftOf(meta) > 0 ? `; ${leftOf(meta)} are left` : '';
  terminal.print(
    count === 0
      ? `Batch ${meta.name}: no brief failed${left}.`
      : `Batch ${meta.name}: ${count} of ${wholeOf(meta)} briefs did not succeed${left}.`,
  );
  for (const group of groups) printGroup(terminal, group);
  return ExitCode.succeeded;
}

function printGroup(terminal: Terminal, group: FailureGroup): void {
  const { code, count, statuses, example, remedy } = group;
  const ends = Object.entries(statuses).map(([status, number]) => `${number} ${status}`);
  const request = example.request_id === null ? '' : ` (request ${example.request_id})`;
  const message = example.message === '' ? '' : `: ${example.message}`;
  const paint = statuses.failed ? pc.red : pc.yellow;
  terminal.print(`\n${count} x ${paint(code)} (${ends.join(', ')})`);
  for (const text of [`such as ${quoteName(example.brief_id)}${message}${request}`, remedy]) {
    for (const line of hangingLines('  ', text, terminal.lineWidth)) terminal.print(line);
  }
}

/**
 * The folder that has it: of a batch in a bucket, its mirror, with what the bucket has now.
 * @throws BatchError `bad_input` where the results are not on this machine; `output_unusable` for a bucket
 */
async function findManifest(
  { name, out, lines }: BatchMeta,
  places: OutputPlaces,
): Promise<string> {
  if (out === '') {
    throw new BatchError(
      'bad_input',
      `Batch ${name} leaves its folder to the workers, so its lines cannot be read here: give this command with the folder of the worker that collects.`,
    );
  }
  if (isBucketAddress(out)) return (await openOutput(places, out)).folder;
  const path = manifestPath(out);
  const written = Object.values(lines).some((count) => count > 0);
  if (written && !(await stat(path).catch(() => null))) {
    throw new BatchError(
      'bad_input',
      `There is no ${path} on this machine: give this command on the machine that collects the results of batch ${name}.`,
    );
  }
  return out;
}
