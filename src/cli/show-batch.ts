import { mostInFlight } from '../shared/in-flight.js';
import type { AccountView } from '../shared/ledger/account-view.js';
import { type BatchSight, countQueued, limitingWhile } from '../shared/outlook.js';
import { counted, formatCredits, formatDuration } from '../shared/quantities.js';
import { StageQueues } from '../shared/queues.js';
import { runReport } from '../shared/run-report.js';
import { limitingText } from './limiting-text.js';
import type { StoreSession } from './session.js';
import type { Terminal } from './terminal.js';

export async function readBatchSight(session: StoreSession, batch: string): Promise<BatchSight> {
  const { meta, account } = await session.findBatch(batch);
  const queues = new StageQueues(session.connection, session.settings.prefix, batch);
  try {
    const [view, queued] = await Promise.all([account.view(), countQueued(queues)]);
    return { meta, account: view, queued };
  } finally {
    await queues.close();
  }
}

export function batchJson({ meta, account }: BatchSight, nowMs: number): string {
  return JSON.stringify({ ...runReport(meta, nowMs), account });
}

export function printBatch(
  terminal: Terminal,
  state: string,
  sight: BatchSight,
  nowMs: number,
): void {
  const { meta, account, queued } = sight;
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
    rows.push(['limited by', limitingText(limitingWhile(sight, nowMs), account)]);
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
