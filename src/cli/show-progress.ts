import pc from 'picocolors';
import type { AccountView } from '../shared/ledger/account-ledger.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';

export interface Progress {
  meta: BatchMeta;
  account: AccountView;
  /** Requests a second that were told by option; null: learned. */
  toldRate: number | null;
  startedAtMs: number;
  /** Lines that were there when this run started: they say nothing about its speed. */
  doneAtStart: number;
  nowMs: number;
}

const barWidth = 30;

/** The live block: how far, how fast, what it cost, what holds it up. */
export function progressBlock(progress: Progress): string {
  const { meta, account, nowMs } = progress;
  const { lines } = meta;
  const done = meta.admitted - meta.pending;
  const share = meta.admitted === 0 ? 0 : done / meta.admitted;
  const filled = Math.floor(share * barWidth);
  const bar = pc.green('█'.repeat(filled)) + pc.dim('░'.repeat(barWidth - filled));
  const running = Math.min(account.inFlight, meta.pending);
  const notGood = lines.failed + lines.unknown + lines.cancelled;
  return [
    `${bar} ${Math.floor(share * 100)} %  ${done} of ${meta.admitted}${meta.admission === 'open' ? '+' : ''} briefs`,
    `${pc.green(`${lines.succeeded} done`)} · ${running} running · ${meta.pending - running} waiting · ${notGood > 0 ? pc.red(`${notGood} without success`) : '0 without success'}`,
    `${formatCredits(meta.spent)} spent · ${paceText(progress)} · ${timeLeft(progress)}`,
    holdText(account, nowMs),
    meta.paused ? pc.yellow('Paused: nothing is submitted until "rivya-batch resume".') : '',
  ]
    .filter((line) => line !== '')
    .join('\n');
}

/** One plain line for logs and pipes. */
export function progressLine(progress: Progress): string {
  const { meta, account } = progress;
  const done = meta.admitted - meta.pending;
  const { failed, unknown } = meta.lines;
  return `${done} of ${meta.admitted} briefs done, ${account.inFlight} running, ${failed} failed, ${unknown} unknown, ${formatCredits(meta.spent)} spent, ${timeLeft(progress)}`;
}

export function formatCredits(credits: number): string {
  const number = Number.isInteger(credits) ? String(credits) : credits.toFixed(2);
  return `${number} ${credits === 1 ? 'credit' : 'credits'}`;
}

export function formatDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function paceText({ account, toldRate }: Progress): string {
  const rate = toldRate ?? account.learnedRate;
  if (rate === null) return 'learning the pace';
  const from = toldRate === null ? 'learned' : 'as told';
  return `at most ${rate >= 10 ? Math.round(rate) : rate.toFixed(1)} requests/s (${from})`;
}

function timeLeft({ meta, startedAtMs, doneAtStart, nowMs }: Progress): string {
  const done = meta.admitted - meta.pending - doneAtStart;
  const elapsedMs = nowMs - startedAtMs;
  if (meta.pending === 0) return 'finishing';
  if (done < 3 || elapsedMs < 3_000) return 'time left: not known yet';
  return `about ${formatDuration((elapsedMs / done) * meta.pending)} left`;
}

function holdText(account: AccountView, nowMs: number): string {
  switch (account.gate.kind) {
    case 'parked':
      return pc.yellow(
        `Out of credits: submissions wait; next look in ${formatDuration(account.gate.probeAtMs - nowMs)}.`,
      );
    case 'halted':
      return pc.red(`The API refuses the key: ${account.gate.code}.`);
    case 'open':
      return account.downUntilMs > nowMs ? pc.yellow('The API does not answer; waiting.') : '';
    default:
      return account.gate satisfies never;
  }
}
