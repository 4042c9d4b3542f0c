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

function byLaw({ waiting, rate, places, checksPerTask, taskMs }: Workload): number | null {
  if (taskMs === null) return null;
  const byPlaces = (places * 1000) / taskMs;
  const byPace = rate === null ? byPlaces : rate / (1 + checksPerTask);
  // The last one submitted takes its time as well.
  return (waiting * 1000) / Math.min(byPlaces, byPace) + taskMs;
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
  | 'paused'
  | 'put_off'
  | 'machine'
  | 'rate'
  | 'in_flight'
  | 'api';

/** A few downloads are always under way; this many wait for this machine. */
const manyToCollect = 64;

export function limitingNow(situation: Situation): Limiting {
  const { workers, capped, gate, apiDown, paused, pressure, waiting, collecting, files, tries } =
    situation;
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
