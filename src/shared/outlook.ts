import { defaultInFlight } from './in-flight.js';
import type { AccountView } from './ledger/account-view.js';
import type { BatchMeta } from './ledger/batch-meta.js';
import type { StageQueues } from './queues.js';
import { type Limiting, limitingNow, type TimeLeft, timeLeft } from './time-left.js';

/** Jobs of a batch that wait for their stage, or are in it. */
export interface QueueCounts {
  submit: number;
  /** Of `submit`: those that were refused or not answered, and come again later. */
  putOff: number;
  collect: number;
  /** Files that could not be fetched and are asked for again later: a healthy download is never put off. */
  filesDue: number;
}

export async function countQueued(queues: StageQueues): Promise<QueueCounts> {
  const [submit, collect] = await Promise.all([queues.counts('submit'), queues.counts('collect')]);
  return {
    submit: submit.going + submit.delayed,
    putOff: submit.delayed,
    collect: collect.going,
    filesDue: collect.delayed,
  };
}

/** A batch and its account as they stand at one moment. */
export interface BatchSight {
  meta: BatchMeta;
  account: AccountView;
  queued: QueueCounts;
}

export interface Look {
  left: TimeLeft;
  /** Lines a second, lately: 0 where none came for as long as the recent past is; null where it is too early to say. */
  linesPerSecond: number | null;
  limiting: Limiting;
  /** Briefs that are not submitted yet. */
  waiting: number;
}

/** What the estimate rests on besides the batch itself. */
export interface Footing {
  told: { rate: number | null; inFlight: number | null };
  /** From submission to the end, of past tasks of these models, in ms; null without any. */
  taskMs: number | null;
}

/** The recent past is the last minute; of fewer lines than this, it says nothing. */
const recentMs = 60_000;
const fewestLines = 5;
const shortestRecentMs = 5_000;
/** Until this batch has shown how often a task is looked at. */
export const assumedChecks = 2;

const standstills: ReadonlySet<Limiting> = new Set([
  'nobody',
  'cap',
  'day_cap',
  'key',
  'credits',
  'api_down',
  'paused',
  'files',
] as const);

/** Looks ahead: keeps the recent past of one batch, and tells what is left and what it waits for. */
export class Outlook {
  private readonly past: { atMs: number; done: number }[] = [];

  look(nowMs: number, sight: BatchSight, { told, taskMs }: Footing): Look {
    const { meta, account, queued } = sight;
    const done = meta.admitted - meta.pending;
    const waiting = Math.min(queued.submit, meta.pending);
    const recent = this.recently(nowMs, done);
    // Of a few lines in a whole minute a pace can be told, and no end be foretold.
    const forecast = recent.lines < fewestLines ? null : recent.linesPerSecond;
    const limiting = limitingWhile(sight, nowMs);
    const going = timeLeft({
      waiting,
      running: meta.pending - waiting,
      rate: told.rate ?? account.learnedRate,
      places: told.inFlight ?? account.learnedInFlight ?? defaultInFlight,
      checksPerTask: done < fewestLines ? assumedChecks : meta.requests.statusChecks / done,
      taskMs,
      linesPerSecond: forecast,
    });
    // Nobody can say when a person, or the next day, lets it go on.
    const left: TimeLeft = standstills.has(limiting) ? { kind: 'unknown' } : going;
    return { left, limiting, waiting, linesPerSecond: recent.linesPerSecond };
  }

  private recently(nowMs: number, done: number): { lines: number; linesPerSecond: number | null } {
    const { past } = this;
    // Briefs were opened again: what was done before is another work.
    if ((past.at(-1)?.done ?? 0) > done) past.length = 0;
    past.push({ atMs: nowMs, done });
    // The one at which the recent past begins stays: where nothing has changed since, that is known.
    while ((past[1]?.atMs ?? nowMs) <= nowMs - recentMs) past.shift();
    const begin = past[0] ?? { atMs: nowMs, done };
    const lines = done - begin.done;
    const whole = nowMs - begin.atMs >= recentMs;
    // Of a batch that has only begun, the time counts from before its first line.
    const first = whole ? begin : (past.findLast((sample) => sample.done === begin.done) ?? begin);
    const spanMs = nowMs - first.atMs;
    const enough = whole || (lines >= fewestLines && spanMs >= shortestRecentMs);
    return { lines, linesPerSecond: enough ? (lines * 1000) / spanMs : null };
  }
}

export function limitingWhile({ meta, account, queued }: BatchSight, nowMs: number): Limiting {
  const waiting = Math.min(queued.submit, meta.pending);
  return limitingNow({
    workers: account.workers,
    capped: meta.capped,
    gate: account.gate.kind,
    apiDown: account.downUntilMs > nowMs ? 'down' : 'up',
    paused: meta.paused ? 'paused' : 'going',
    pressure: account.pressure,
    waiting,
    collecting: queued.collect,
    files: queued.filesDue > 0 && queued.filesDue >= meta.pending ? 'all_that_is_left' : 'coming',
    tries: queued.putOff > 0 && queued.putOff >= waiting ? 'all_put_off' : 'going',
  });
}
