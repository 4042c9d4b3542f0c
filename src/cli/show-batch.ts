import pc from 'picocolors';
import { mostInFlight } from '../shared/in-flight.js';
import type { AccountView } from '../shared/ledger/account-view.js';
import { type BatchMeta, isSimulated } from '../shared/ledger/batch-meta.js';
import { type BatchSight, countQueued, limitingWhile } from '../shared/outlook.js';
import { counted, formatCredits, formatDuration } from '../shared/quantities.js';
import { StageQueues } from '../shared/queues.js';
import { runReport } from '../shared/run-report.js';
import { printFacts } from './hanging-lines.js';
import { limitingText } from './limiting-text.js';
import type { StoreSession } from './session.js';
import { filesDueText } from './tell-notice.js';
import type { Terminal } from './terminal.js';

interface StatusSight extends BatchSight {
  /** Finished lines that are not in the manifest yet. */
  unwritten: number;
  /** Why a worker could not begin with the batch lately. */
  notBegun: string | null;
  /** Why files of finished tasks cannot be fetched; how many says the queue. */
  fileTrouble: string | null;
}

export async function readBatchSight(session: StoreSession, batch: string): Promise<StatusSight> {
  const { meta, account, ledger } = await session.findBatch(batch);
  const queues = new StageQueues(session.connection, session.settings.prefix, batch);
  try {
    const [view, queued, unwritten, notBegun, fileTrouble] = await Promise.all([
      account.view(),
      countQueued(queues),
      ledger.outbox.length(),
      ledger.notBegun(),
      ledger.fileTrouble(),
    ]);
    return { meta, account: view, queued, unwritten, notBegun, fileTrouble };
  } finally {
    await queues.close();
  }
}

export function batchJson(sight: StatusSight, nowMs: number) {
  const { meta, account, queued, unwritten, notBegun, fileTrouble } = sight;
  const { filesDue } = queued;
  return {
    ...runReport(meta, nowMs),
    unwritten,
    not_begun: notBegun,
    files_due: { count: filesDue, reason: filesDue > 0 ? fileTrouble : null },
    account,
  };
}

export function printBatch(
  terminal: Terminal,
  state: string,
  sight: StatusSight,
  nowMs: number,
): void {
  const { meta, account, queued, unwritten, notBegun, fileTrouble } = sight;
  const waiting = Math.min(queued.submit, meta.pending);
  const rows: [string, string][] = [
    ['results', meta.out || '(in the folder of the first worker that has one)'],
    ['briefs', `${meta.admitted}: ${countsText(meta, waiting)}`],
    ['input', `${meta.rejected} rejected, ${counted(meta.duplicates, 'duplicate')}`],
    ['credits', `${formatCredits(meta.spent)} spent, ${formatCredits(meta.reserved)} reserved`],
    ['pace', paceText(account)],
    ['in flight', placesText(account)],
  ];
  if (meta.pending > 0) {
    rows.push(['limited by', limitingText(limitingWhile(sight, nowMs), account, meta)]);
  }
  if (queued.filesDue > 0) {
    const text = filesDueText({ count: queued.filesDue, reason: fileTrouble });
    rows.push(['files', pc.yellow(text)]);
  }
  if (unwritten > 0) rows.push(['to write', unwrittenText(unwritten, meta)]);
  if (notBegun !== null) rows.push(['not begun', pc.yellow(notBegun)]);
  terminal.print(`Batch ${meta.name}: ${state}${isSimulated(meta) ? ', SIMULATED' : ''}`);
  printFacts(terminal, rows);
}

function countsText({ lines, pending }: BatchMeta, waiting: number): string {
  const { succeeded, failed, unknown, cancelled } = lines;
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
  return told.rate === null ? learned : `${told.rate} requests/s as told`;
}

function placesText(account: AccountView): string {
  return `${counted(account.inFlight, 'task')} of this account, of at most ${mostInFlight(account)}`;
}
