import { setTimeout as sleep } from 'node:timers/promises';
import pc from 'picocolors';
import type { OpenedBatch } from '../../batch/continue-batch.js';
import { atRest, takeVerdicts } from '../../batch/steps.js';
import {
  countQueued,
  type Footing,
  formatTimeLeft,
  type Look,
  Outlook,
} from '../../forecast/outlook.js';
import type { AccountView } from '../../ledger/account-view.js';
import {
  type BatchMeta,
  cappedBy,
  isFinalized,
  isPaused,
  leftOf,
  wholeOf,
  withoutSuccess,
} from '../../ledger/batch-meta.js';
import type { Clock } from '../../shared/clock.js';
import type { BatchError } from '../../shared/errors.js';
import { counted, formatCredits, formatDuration } from '../../shared/quantities.js';
import type { StageQueues } from '../../shared/queues.js';
import { isSimulated } from '../../shared/simulated.js';
import type { Notify } from '../../worker/notices.js';
import type { Interrupts } from '../text/interrupts.js';
import { limitingText, outputsText } from '../text/sentences.js';
import { filesDueText } from '../text/tell-notice.js';
import type { Terminal } from '../text/terminal.js';

export type RunEnd =
  | 'finished'
  | 'interrupted'
  | 'key_refused'
  | 'no_credits'
  | 'capped'
  /** What is left are steps that wait for a person's yes. */
  | 'approval';

export interface Watching {
  opened: OpenedBatch;
  flags: { rate?: number; inFlight?: number; wait: boolean };
  /** How long past tasks of this input's models took, in ms; null without any. */
  taskMs: number | null;
  terminal: Terminal;
  notify: Notify;
  interrupts: Interrupts;
  /** Why nothing is done for the batch any more. */
  loss(): BatchError | null;
  /** Calls whenever something was done or told; returns a function that takes the listener off again. */
  onActivity(listener: () => void): () => void;
  /** Rejects when the admission fails. */
  admitting: Promise<unknown>;
  /** Ends an admission that waits for room. */
  leave(): void;
  /** How many briefs may be without a line while it admits more. */
  highWater: number;
  queues: StageQueues;
}

/** Where things happen, Redis is asked this often how far they are. */
const lookEveryMs = 250;
/** Where nothing does, other machines may have done something. */
const quietLookMs = 15_000;
/** Once nothing more is submitted, what is under way is waited for. */
const stoppingLookMs = 1_000;

/**
 * Shows progress until the batch is finished, or has to stop.
 * @throws BatchError `state_lost`
 */
export async function watchRun(watching: Watching): Promise<RunEnd> {
  const pulse = new Pulse(watching.interrupts.signal);
  const beat = () => pulse.beat();
  const unlisten = watching.onActivity(beat);
  watching.admitting.then(beat, beat);
  try {
    return await followRun(watching, pulse);
  } finally {
    unlisten();
  }
}

async function followRun(watching: Watching, pulse: Pulse): Promise<RunEnd> {
  const admission = trackAdmission(watching.admitting);
  const { opened, terminal, interrupts, flags, queues, taskMs } = watching;
  const told = { rate: flags.rate ?? null, inFlight: flags.inFlight ?? null };
  const progress = new RunProgress(terminal, queues, { told, taskMs }, opened.context.clock, () =>
    opened.ledger.fileTrouble(),
  );
  const places = new PlacesWatch(opened, terminal);
  for (;;) {
    const loss = watching.loss();
    if (loss !== null) throw loss;
    admission.check();
    const [meta, account] = await Promise.all([
      opened.ledger.meta(),
      opened.context.account.view(),
    ]);
    if (meta) {
      await progress.show(meta, account);
      if (isFinalized(meta) && admission.done()) return 'finished';
      // Its queue stands still, so no submission finds out.
      if (isPaused(meta)) watching.notify({ kind: 'paused' });
    }
    await places.look(meta, account);
    if (interrupts.signal.aborted) {
      await watching.admitting;
      return 'interrupted';
    }
    if (account.gate.kind === 'halted') return 'key_refused';
    if (meta && (await isAwaited(watching, meta, admission.done()))) {
      // It may wait for room that only a person makes.
      watching.leave();
      await watching.admitting;
      return 'approval';
    }
    const stop = stopReason(meta, account, flags.wait ? 'wait' : 'stop');
    if (stop !== null && (await nothingUnderWay(watching))) {
      watching.leave();
      await watching.admitting;
      return stop;
    }
    await pulse.rest(stop === null ? quietLookMs : stoppingLookMs);
  }
}

/** Whether nothing is left but what a person has to say yes to, and has not; or to make room for the rest with that. */
async function isAwaited(
  { opened, queues, highWater }: Watching,
  meta: BatchMeta,
  admitted: boolean,
): Promise<boolean> {
  if (!admitted && meta.stage !== 'admitting') return false;
  const batch = { ledger: opened.ledger, queues };
  if ((await atRest(batch, meta, highWater)) === null) return false;
  // It may have been said meanwhile; whoever has the folder hears it there.
  if (opened.folder !== '') await takeVerdicts(batch, opened.folder);
  return (await atRest(batch, meta, highWater)) !== null;
}

/** Waits for something to have happened, and no longer than a while; never for less than from one look to the next. */
class Pulse {
  private happened = false;
  private wake: () => void = () => undefined;

  constructor(private readonly interrupted: AbortSignal) {
    interrupted.addEventListener('abort', () => this.beat());
  }

  beat(): void {
    this.happened = true;
    this.wake();
  }

  async rest(longestMs: number): Promise<void> {
    if (!this.interrupted.aborted) await sleep(lookEveryMs);
    if (!this.happened) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, longestMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.happened = false;
  }
}

/** Why nothing more is submitted, where waiting would not help or is not wanted. */
function stopReason(
  meta: BatchMeta | null,
  account: AccountView,
  withoutCredits: 'wait' | 'stop',
): 'capped' | 'no_credits' | null {
  // Every brief of a cancelled batch comes to its end without more credits.
  if (meta?.stage === 'cancelled') return null;
  if (meta !== null && cappedBy(meta) !== null) return 'capped';
  return account.gate.kind === 'parked' && withoutCredits === 'stop' ? 'no_credits' : null;
}

/** What is accepted is finished first: paid work is collected (S3). */
async function nothingUnderWay({ opened, queues }: Watching): Promise<boolean> {
  const inFlight = await opened.ledger.inFlight();
  const collecting = await queues.unfinished('collect');
  const unwritten = await opened.ledger.outbox.length();
  if (inFlight + collecting + unwritten > 0) return false;
  // Between leaving its place in flight and entering the last queue, a brief is in neither: look once more.
  await sleep(lookEveryMs);
  return (await opened.ledger.inFlight()) + (await queues.unfinished('collect')) === 0;
}

function trackAdmission(admitting: Promise<unknown>) {
  let state: 'running' | 'done' | 'failed' = 'running';
  let failure: unknown;
  admitting.then(
    () => {
      state = 'done';
    },
    (error: unknown) => {
      state = 'failed';
      failure = error;
    },
  );
  return {
    done: () => state === 'done',
    check: () => {
      if (state === 'failed') throw failure;
    },
  };
}

const lineEveryMs = 5_000;

/** Shows how far a run is: a block that lives on a terminal, a line now and then elsewhere. */
class RunProgress {
  private readonly outlook = new Outlook();
  private lookedAtMs: number | null = null;

  constructor(
    private readonly terminal: Terminal,
    private readonly queues: StageQueues,
    private readonly footing: Footing,
    private readonly clock: Clock,
    private readonly fileTrouble: () => Promise<string | null>,
  ) {}

  /** Counts what is queued only where it is going to be shown: whoever watches a run comes by often. */
  async show(meta: BatchMeta, account: AccountView): Promise<void> {
    const { terminal, footing } = this;
    const nowMs = this.clock.now();
    const first = this.lookedAtMs === null;
    if (!terminal.live && nowMs - (this.lookedAtMs ?? Number.NEGATIVE_INFINITY) < lineEveryMs) {
      return;
    }
    this.lookedAtMs = nowMs;
    const sight = { meta, account, queued: await countQueued(this.queues) };
    const look = this.outlook.look(nowMs, sight, footing);
    const files = await this.filesDue(sight.queued.filesDue);
    const progress: Progress = { meta, account, toldRate: footing.told.rate, look, files, nowMs };
    const simulated = isSimulated(meta);
    terminal.progress(`${simulated ? 'SIMULATED\n' : ''}${progressBlock(progress)}`);
    // Where nothing has happened yet, there is nothing to tell.
    if (!terminal.live && !first)
      terminal.note(`${simulated ? 'SIMULATED: ' : ''}${progressLine(progress)}`);
  }

  private async filesDue(count: number): Promise<Progress['files']> {
    return count === 0 ? null : { count, reason: await this.fileTrouble() };
  }
}

const patienceMs = 5_000;

/** Notices that other batches' unfinished tasks take up every place in flight, and says so once. */
class PlacesWatch {
  private sinceMs: number | null = null;
  private told = false;

  constructor(
    private readonly opened: OpenedBatch,
    private readonly terminal: Terminal,
  ) {}

  async look(meta: BatchMeta | null, account: AccountView): Promise<void> {
    if (this.told || !meta || meta.pending === 0 || account.inFlight === 0) return;
    const { ledger, context } = this.opened;
    const now = context.clock.now();
    const others = account.inFlight - (await ledger.inFlight());
    const stuck = others === account.inFlight && account.gate.kind === 'open';
    this.sinceMs = stuck ? (this.sinceMs ?? now) : null;
    if (this.sinceMs === null || now - this.sinceMs < patienceMs) return;
    this.told = true;
    const batches = await context.account.batchesInFlight();
    this.terminal.warn(
      `All ${others} places for running tasks are taken by other batches of this key (${batches.join(', ')}). If one of them was stopped, continue it first; a place that a stopped batch holds is free again after an hour. Or allow more tasks at once: --in-flight N.`,
    );
  }
}

interface Progress {
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
function progressBlock(progress: Progress): string {
  const { meta, account, look, files, nowMs } = progress;
  const { lines } = meta;
  const done = meta.admitted - meta.pending;
  const whole = wholeOf(meta);
  const share = whole === 0 ? 0 : done / whole;
  const filled = Math.floor(share * barWidth);
  const bar = pc.green('█'.repeat(filled)) + pc.dim('░'.repeat(barWidth - filled));
  const running = leftOf(meta) - look.waiting;
  const notGood = withoutSuccess(meta);
  return [
    `${bar} ${Math.floor(share * 100)} %  ${done} of ${counted(whole, 'brief')}`,
    `${pc.green(`${lines.succeeded} succeeded`)} · ${running} running · ${look.waiting} waiting · ${notGood > 0 ? pc.red(`${notGood} without success`) : '0 without success'}`,
    `${formatCredits(meta.spent)} spent · ${paceText(progress)} · ${timeText(progress)}`,
    meta.outputs.length === 0 ? '' : outputsText(meta),
    leftOf(meta) === 0 ? '' : `limited by ${limitingText(look.limiting, account, meta)}`,
    holdText(account, nowMs),
    files === null ? '' : pc.yellow(`${filesDueText(files)}.`),
    isPaused(meta)
      ? pc.yellow('Paused: no more briefs are submitted until "rivya-batch resume BATCH".')
      : '',
  ]
    .filter((line) => line !== '')
    .join('\n');
}

/** One plain line for logs and pipes. */
function progressLine(progress: Progress): string {
  const { meta, look, files } = progress;
  const done = meta.admitted - meta.pending;
  const { failed, unknown } = meta.lines;
  const due = files === null ? '' : `${counted(files.count, 'result')} not fetched yet, `;
  return `${done} of ${counted(wholeOf(meta), 'brief')} done, ${leftOf(meta) - look.waiting} running, ${due}${failed} failed, ${unknown} unknown, ${formatCredits(meta.spent)} spent, ${timeText(progress)}`;
}

function paceText({ account, toldRate }: Progress): string {
  const rate = toldRate ?? account.learnedRate;
  if (rate === null) return 'learning the pace';
  const from = toldRate === null ? 'learned' : 'set';
  return `at most ${rate >= 10 ? Math.round(rate) : rate.toFixed(1)} requests/s (${from})`;
}

function timeText({ meta, look: { left } }: Progress): string {
  if (leftOf(meta) === 0) return 'finishing';
  if (left.kind === 'unknown') return 'time left: not known yet';
  return `${formatTimeLeft(left)} left`;
}

function holdText(account: AccountView, nowMs: number): string {
  switch (account.gate.kind) {
    case 'parked':
      return pc.yellow(
        `Submissions wait for credits; next check in ${formatDuration(account.gate.probeAtMs - nowMs)}.`,
      );
    case 'halted':
      return pc.red(`The API refuses the key: ${account.gate.code}.`);
    case 'open':
      return account.downUntilMs > nowMs ? pc.yellow('The API does not answer; waiting.') : '';
    default:
      return account.gate satisfies never;
  }
}
