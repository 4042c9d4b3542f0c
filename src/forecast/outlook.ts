import { type AccountView, defaultInFlight } from '../ledger/account-view.js';
import { type BatchMeta, cappedBy, isPaused, leftOf } from '../ledger/batch-meta.js';
import { formatDuration } from '../shared/quantities.js';
import type { StageQueues } from '../shared/queues.js';

/** Jobs of a batch that wait for their stage, or are in it. */
export interface QueueCounts {
  submit: number;
  /** Of `submit`: those that were refused or not answered, and come again later. */
  putOff: number;
  /** Steps that wait for what they come after. */
  steps: number;
  collect: number;
  /** Files that could not be fetched and are asked for again later: a healthy download is never put off. */
  filesDue: number;
}

export async function countQueued(queues: StageQueues): Promise<QueueCounts> {
  const [submit, collect, steps] = await Promise.all([
    queues.counts('submit'),
    queues.counts('collect'),
    queues.countWaiting(),
  ]);
  return {
    submit: submit.going + submit.delayed,
    putOff: submit.delayed,
    steps,
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
  'approval',
] as const);

/** Looks ahead: keeps the recent past of one batch, and tells what is left and what it waits for. */
export class Outlook {
  private readonly past: { atMs: number; done: number }[] = [];

  look(nowMs: number, sight: BatchSight, { told, taskMs }: Footing): Look {
    const { meta, account } = sight;
    const done = meta.admitted - meta.pending;
    const waiting = notSubmitted(sight);
    const recent = this.recently(nowMs, done);
    // Of a few lines in a whole minute a pace can be told, and no end be foretold.
    const forecast = recent.lines < fewestLines ? null : recent.linesPerSecond;
    const limiting = limitingWhile(sight, nowMs);
    const going = timeLeft({
      waiting,
      running: leftOf(meta) - waiting,
      rate: told.rate ?? account.learnedRate,
      places: told.inFlight ?? account.learnedInFlight ?? defaultInFlight,
      checksPerTask: done < fewestLines ? assumedChecks : meta.requests.statusChecks / done,
      taskMs,
      inTurn: 1,
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

/** Briefs that are not submitted yet, those that are still to be admitted included. */
export function notSubmitted({ meta, queued }: Pick<BatchSight, 'meta' | 'queued'>): number {
  return Math.min(queued.submit + queued.steps, meta.pending) + meta.toCome;
}

export function limitingWhile({ meta, account, queued }: BatchSight, nowMs: number): Limiting {
  const waiting = Math.min(queued.submit, meta.pending) + meta.toCome;
  return limitingNow({
    workers: account.workers,
    capped: cappedBy(meta),
    gate: account.gate.kind,
    apiDown: account.downUntilMs > nowMs ? 'down' : 'up',
    paused: isPaused(meta) ? 'paused' : 'going',
    pressure: account.pressure,
    waiting,
    collecting: queued.collect,
    files: queued.filesDue > 0 && queued.filesDue >= leftOf(meta) ? 'all_that_is_left' : 'coming',
    steps: queued.steps > 0 && queued.steps >= leftOf(meta) ? 'all_that_is_left' : 'some',
    tries: queued.putOff > 0 && queued.putOff >= waiting ? 'all_put_off' : 'going',
  });
}

/** `3 to 5 min`, or `about 20 s` where both ends read the same. */
export function formatTimeLeft({ lowMs, highMs }: Extract<TimeLeft, { kind: 'known' }>): string {
  const low = formatDuration(lowMs);
  const high = formatDuration(highMs);
  if (highMs < 1_000) return 'less than 1 s';
  if (low === high) return `about ${low}`;
  const [amount, unit] = low.split(' ');
  return unit === high.split(' ')[1] ? `${amount} to ${high}` : `${low} to ${high}`;
}

/** What is left of a batch and what it goes through. */
export interface Workload {
  /** Briefs that are not submitted yet, and those that are and have no line. */
  waiting: number;
  running: number;
  /** Requests a second that are allowed; null while nobody knows. */
  rate: number | null;
  /** Tasks that may be in flight. */
  places: number;
  /** Status checks that a task takes. */
  checksPerTask: number;
  /** From submission to line, of past tasks; null where there were none. */
  taskMs: number | null;
  /** How many tasks of the last row have to be made one after the other. */
  inTurn: number;
  /** Lines a second, lately; null where too few came to say. */
  linesPerSecond: number | null;
}

export type TimeLeft = { kind: 'unknown' } | { kind: 'known'; lowMs: number; highMs: number };

/** Neither a plan nor the recent past is exact: so much to either side. */
const spread = 0.15;

/**
 * How long a batch still takes, from two sides: by Little's law (places in flight over the time that a task
 * holds one, or the pace over the requests that a brief takes, whichever is less) and by the recent past.
 */
export function timeLeft(workload: Workload): TimeLeft {
  const estimates = [byLaw(workload), byRecentPast(workload)].filter((ms) => ms !== null);
  if (estimates.length === 0) return { kind: 'unknown' };
  return {
    kind: 'known',
    lowMs: Math.min(...estimates) * (1 - spread),
    highMs: Math.max(...estimates) * (1 + spread),
  };
}

function byLaw({ waiting, rate, places, checksPerTask, taskMs, inTurn }: Workload): number | null {
  if (taskMs === null) return null;
  const byPlaces = (places * 1000) / taskMs;
  const byPace = rate === null ? byPlaces : rate / (1 + checksPerTask);
  // The last one submitted takes its time as well, and with steps so do those that come before it.
  return (waiting * 1000) / Math.min(byPlaces, byPace) + inTurn * taskMs;
}

function byRecentPast({ waiting, running, linesPerSecond }: Workload): number | null {
  if (linesPerSecond === null || linesPerSecond <= 0) return null;
  return ((waiting + running) * 1000) / linesPerSecond;
}

export interface Situation {
  /** Live ones of the account. */
  workers: number;
  /** The cap that keeps the next brief back, if one does. */
  capped: 'cap' | 'day_cap' | null;
  gate: 'open' | 'parked' | 'halted';
  apiDown: 'down' | 'up';
  paused: 'paused' | 'going';
  pressure: 'rate' | 'in_flight' | 'none';
  waiting: number;
  /** Finished by the API and not on disk yet. */
  collecting: number;
  /** Whether nothing is left but files that cannot be fetched yet. */
  files: 'all_that_is_left' | 'coming';
  /** Whether every brief that is not submitted yet was refused or not answered, and has its next try ahead. */
  tries: 'all_put_off' | 'going';
  /** Whether nothing is left but steps: they wait for a person's yes, because nothing else is under way. */
  steps: 'all_that_is_left' | 'some';
}

/** What keeps a batch from going faster right now. */
export type Limiting =
  | 'nobody'
  | 'cap'
  | 'day_cap'
  | 'credits'
  | 'key'
  | 'api_down'
  | 'files'
  | 'approval'
  | 'paused'
  | 'put_off'
  | 'machine'
  | 'rate'
  | 'in_flight'
  | 'api';

/** A few downloads are always under way; this many wait for this machine. */
const manyToCollect = 64;

export function limitingNow(situation: Situation): Limiting {
  const { workers, capped, gate, apiDown, paused, pressure, waiting } = situation;
  const { collecting, files, tries, steps } = situation;
  // Whoever works on it waits for that as well.
  if (steps === 'all_that_is_left') return 'approval';
  if (workers === 0) return 'nobody';
  // Whatever holds the API up: they need no more of it.
  if (files === 'all_that_is_left') return 'files';
  if (capped && waiting > 0) return capped;
  if (gate === 'halted') return 'key';
  if (gate === 'parked') return 'credits';
  if (apiDown === 'down') return 'api_down';
  if (collecting >= manyToCollect) return 'machine';
  // Nothing is left to submit: the tasks that run take the time that they take.
  if (waiting === 0) return 'api';
  if (paused === 'paused') return 'paused';
  if (tries === 'all_put_off') return 'put_off';
  return pressure === 'none' ? 'machine' : pressure;
}
