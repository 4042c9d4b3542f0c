import { mostInFlight } from '../shared/in-flight.js';
import type { AccountView } from '../shared/ledger/account-view.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { limitingWhile, type QueueCounts } from '../shared/outlook.js';
import { formatCredits, formatDuration } from '../shared/quantities.js';
import { StageQueues } from '../shared/queues.js';
import { runReport } from '../shared/run-report.js';
import { counted } from './counted.js';
import { limitingText } from './limiting-text.js';
import type { StoreSession } from './session.js';
import type { Terminal } from './terminal.js';

export interface ShownBatch {
  meta: BatchMeta;
  account: AccountView;
  queued: QueueCounts;
}

export async function readShownBatch(session: StoreSession, batch: string): Promise<ShownBatch> {
  const { meta, account } = await session.findBatch(batch);
  const queues = new StageQueues(session.connection, session.settings.prefix, batch);
  try {
    const [view, submit, collect] = await Promise.all([
      account.view(),
      queues.unfinished('submit'),
      queues.unfinished('collect'),
    ]);
    return { meta, account: view, queued: { submit, collect } };
  } finally {
    await queues.close();
  }
}

export function batchJson({ meta, account }: ShownBatch, nowMs: number): string {
  return JSON.stringify({ ...runReport(meta, nowMs), account });
}

export function printBatch(
  terminal: Terminal,
  state: string,
  shown: ShownBatch,
  nowMs: number,
): void {
  const { meta, account, queued } = shown;
  const { lines } = meta;
  const waiting = Math.min(queued.submit, meta.pending);
  const rows: [string, string][] = [
    ['results', meta.out || "(the worker's own folder)"],
    [
      'briefs',
      `${meta.admitted}: ${lines.succeeded} succeeded, ${lines.failed} failed, ${lines.unknown} unknown, ${lines.cancelled} cancelled, ${meta.pending} left (${meta.pending - waiting} running, ${waiting} waiting)`,
    ],
    ['input', `${meta.rejected} rejected, ${counted(meta.duplicates, 'duplicate')}`],
    ['credits', `${formatCredits(meta.spent)} spent, ${formatCredits(meta.reserved)} reserved`],
    ['pace', paceText(account)],
    ['in flight', placesText(account)],
  ];
  if (meta.pending > 0) {
    rows.push(['limited by', limitingText(limitingWhile(shown, nowMs), account)]);
  }
  terminal.print(`Batch ${meta.name}: ${state}`);
  for (const [name, text] of rows) terminal.print(`  ${name.padEnd(11)}${text}`);
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
