import pc from 'picocolors';
import { withoutSuccess } from '../shared/batch-state.js';
import type { AccountView } from '../shared/ledger/account-view.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import type { Look } from '../shared/outlook.js';
import { counted, formatCredits, formatDuration, formatTimeLeft } from '../shared/quantities.js';
import { limitingText } from './limiting-text.js';
import { filesDueText } from './tell-notice.js';

export interface Progress {
  meta: BatchMeta;
  account: AccountView;
  /** Requests a second that were told by option; null: learned. */
  toldRate: number | null;
  look: Look;
  /** Files that cannot be fetched yet, and why; null where there are none. */
  files: { count: number; reason: string | null } | null;
  nowMs: number;
}

const barWidth = 30;

/** The live block: how far, how fast, what it cost, what holds it up. */
export function progressBlock(progress: Progress): string {
  const { meta, account, look, files, nowMs } = progress;
  const { lines } = meta;
  const done = meta.admitted - meta.pending;
  const share = meta.admitted === 0 ? 0 : done / meta.admitted;
  const filled = Math.floor(share * barWidth);
  const bar = pc.green('█'.repeat(filled)) + pc.dim('░'.repeat(barWidth - filled));
  const running = meta.pending - look.waiting;
  const notGood = withoutSuccess(meta);
  return [
    `${bar} ${Math.floor(share * 100)} %  ${done} of ${meta.admitted}${meta.admission === 'open' ? '+' : ''} briefs`,
    `${pc.green(`${lines.succeeded} succeeded`)} · ${running} running · ${look.waiting} waiting · ${notGood > 0 ? pc.red(`${notGood} without success`) : '0 without success'}`,
    `${formatCredits(meta.spent)} spent · ${paceText(progress)} · ${timeText(progress)}`,
    meta.pending === 0 ? '' : `limited by ${limitingText(look.limiting, account, meta)}`,
    holdText(account, nowMs),
    files === null ? '' : pc.yellow(`${filesDueText(files)}.`),
    meta.paused ? pc.yellow('Paused: nothing is submitted until "rivya-batch resume".') : '',
  ]
    .filter((line) => line !== '')
    .join('\n');
}

/** One plain line for logs and pipes. */
export function progressLine(progress: Progress): string {
  const { meta, look, files } = progress;
  const done = meta.admitted - meta.pending;
  const { failed, unknown } = meta.lines;
  const due = files === null ? '' : `${counted(files.count, 'result')} not fetched yet, `;
  return `${done} of ${meta.admitted} briefs done, ${meta.pending - look.waiting} running, ${due}${failed} failed, ${unknown} unknown, ${formatCredits(meta.spent)} spent, ${timeText(progress)}`;
}

function paceText({ account, toldRate }: Progress): string {
  const rate = toldRate ?? account.learnedRate;
  if (rate === null) return 'learning the pace';
  const from = toldRate === null ? 'learned' : 'as told';
  return `at most ${rate >= 10 ? Math.round(rate) : rate.toFixed(1)} requests/s (${from})`;
}

function timeText({ meta, look: { left } }: Progress): string {
  if (meta.pending === 0) return 'finishing';
  if (left.kind === 'unknown') return 'time left: not known yet';
  return `${formatTimeLeft(left)} left`;
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
