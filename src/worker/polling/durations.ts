import type { StateOf } from '../../ledger/brief-state.js';
import {
  bucketCount,
  bucketPosition,
  bucketsPerDoubling,
  type DurationSketch,
  positionMs,
} from '../../ledger/durations.js';
import { minSpacingMs } from './guidance.js';

/** How likely a task of some age is still running, on an even grid of ages from 0 to the horizon of its history. */
export interface DurationCurve {
  /** Grid spacing in ms: a whole part or a multiple of the least spacing between checks. */
  stepMs: number;
  /** Share of tasks that run on past `index * stepMs`. */
  running: Float64Array;
  /** Its integral from 0, in ms: for how long a task has run by then, on average. */
  ran: Float64Array;
  medianMs: number;
}

/** Where fewer than 1 in 200 are still running, history has nothing more to say. */
const horizonShare = 0.005;
/** Fine enough to lie within 1 % of the optimum, and few enough to be planned in a millisecond or two. */
const finestStepMs = 250;
const mostSteps = 600;

/** The smoothed distribution of a sketch that has counted at least one task. */
export function durationCurve(sketch: DurationSketch): DurationCurve {
  const shares = smoothDurations(sketch);
  const reachMs = reachesMs(shares, horizonShare);
  const stepMs = chooseStepMs(reachMs / mostSteps);
  const points = Math.max(2, Math.ceil(reachMs / stepMs) + 1);
  const running = Float64Array.from({ length: points }, (_, index) =>
    index === 0 ? 1 : shareAt(shares, bucketPosition(index * stepMs)),
  );
  const ran = new Float64Array(points);
  for (let index = 1; index < points; index += 1) {
    const share = ((running[index - 1] ?? 0) + (running[index] ?? 0)) / 2;
    ran[index] = (ran[index - 1] ?? 0) + share * stepMs;
  }
  return { stepMs, running, ran, medianMs: reachesMs(shares, 0.5) };
}

/** The age up to which history has something to say. */
export function horizonMs({ stepMs, running }: Pick<DurationCurve, 'stepMs' | 'running'>): number {
  return (running.length - 1) * stepMs;
}

/**
 * A duration for a task of which only a span is known: drawn from what such tasks take within it, so that what is
 * learned from it neither adds to the history's shape nor takes from it. The middle of the span would: all tasks that
 * are looked at once would have one duration, the next would be looked at right after it, and twice.
 * @param random 0 to 1
 */
export function durationWithin(
  { stepMs, running }: DurationCurve,
  { fromMs, toMs }: AgeSpan,
  random: number,
): number {
  const runningAt = (ageMs: number) => {
    const index = Math.floor(ageMs / stepMs);
    const [low = 0, high = low] = running.subarray(index, index + 2);
    return low + (high - low) * (ageMs / stepMs - index);
  };
  const ended = runningAt(fromMs) - runningAt(toMs);
  const share = runningAt(fromMs) - ended * random;
  const after = running.findIndex((left) => left < share);
  // Outside all history there is nothing to go by.
  if (ended <= 0 || after < 1) return (fromMs + toMs) / 2;
  const low = running[after] ?? 0;
  const high = running[after - 1] ?? 1;
  const drawnMs = (after - (share - low) / (high - low)) * stepMs;
  return Math.min(toMs, Math.max(fromMs, drawnMs));
}

/** The age at which no more than this share still runs. */
function reachesMs(shares: Float64Array, share: number): number {
  const after = shares.findIndex((running) => running <= share);
  const low = shares[after] ?? 0;
  const high = shares[after - 1] ?? 1;
  return positionMs(after - (share - low) / (high - low));
}

/** Within a bucket, tasks are taken to end evenly over its (logarithmic) width. */
function shareAt(shares: Float64Array, position: number): number {
  const bucket = Math.min(bucketCount - 1, Math.floor(position));
  const within = Math.min(1, position - bucket);
  return (shares[bucket] ?? 0) * (1 - within) + (shares[bucket + 1] ?? 0) * within;
}

/** Such that the least spacing is a whole number of steps: a coarser grid would look less often than it may. */
function chooseStepMs(idealMs: number): number {
  if (idealMs > minSpacingMs) return Math.ceil(idealMs / minSpacingMs) * minSpacingMs;
  return minSpacingMs / Math.floor(minSpacingMs / Math.max(idealMs, finestStepMs));
}

/** What is taken for granted before any history: most tasks take within a factor of 3 of the usual. */
const priorDeviation = 1.5 * bucketsPerDoubling;
/** The prior counts as one task, and never for less than a hundredth: a sharp history must not make blind. */
const priorTasks = 1;
const leastPriorShare = 0.01;
/** In buckets; a history of equal durations is still not trusted to less than a bucket's width. */
const leastBandwidth = 0.5;

/**
 * The distribution behind a sketch of at least one task: counts are spread by a kernel as wide as their number
 * allows, and mixed with a wide prior around their median.
 * @returns shares of tasks that run on past the beginning of each bucket, `bucketCount + 1` of them, from 1 to 0
 */
function smoothDurations(sketch: DurationSketch): Float64Array {
  const { tasks, total } = sketch;
  const seen = spreadCounts(tasks, bandwidthOf(sketch));
  const prior = new Float64Array(bucketCount);
  addKernel(prior, { center: quantileBucket(sketch, 0.5), deviation: priorDeviation, weight: 1 });
  const priorShare = Math.max(leastPriorShare, priorTasks / (total + priorTasks));
  const running = new Float64Array(bucketCount + 1);
  // Summed from the end: the small shares of the tail keep their digits.
  for (let bucket = bucketCount - 1; bucket >= 0; bucket -= 1) {
    const share =
      ((seen[bucket] ?? 0) / total) * (1 - priorShare) + (prior[bucket] ?? 0) * priorShare;
    running[bucket] = Math.min(1, (running[bucket + 1] ?? 0) + share);
  }
  running[0] = 1;
  return running;
}

function spreadCounts(tasks: readonly number[], deviation: number): Float64Array {
  const spread = new Float64Array(bucketCount);
  tasks.forEach((weight, center) => {
    if (weight > 0) addKernel(spread, { center, deviation, weight });
  });
  return spread;
}

/** A bell around a bucket; what would fall off the scale stays on it, so that no weight is lost. */
function addKernel(
  into: Float64Array,
  { center, deviation, weight }: { center: number; deviation: number; weight: number },
): void {
  const reach = Math.ceil(4 * deviation);
  const from = Math.max(0, center - reach);
  const to = Math.min(bucketCount - 1, center + reach);
  const height = (bucket: number) => Math.exp(-0.5 * ((bucket - center) / deviation) ** 2);
  let sum = 0;
  for (let bucket = from; bucket <= to; bucket += 1) sum += height(bucket);
  for (let bucket = from; bucket <= to; bucket += 1) {
    into[bucket] = (into[bucket] ?? 0) + (weight * height(bucket)) / sum;
  }
}

/** Silverman's rule of thumb, with the quartiles' word where a few stragglers widen the deviation. */
function bandwidthOf(sketch: DurationSketch): number {
  const { tasks, total } = sketch;
  let sum = 0;
  let squares = 0;
  tasks.forEach((count, bucket) => {
    sum += count * bucket;
    squares += count * bucket * bucket;
  });
  const deviation = Math.sqrt(Math.max(0, squares / total - (sum / total) ** 2));
  const quartiles = quantileBucket(sketch, 0.75) - quantileBucket(sketch, 0.25);
  const width = quartiles > 0 ? Math.min(deviation, quartiles / 1.34) : deviation;
  return Math.max(leastBandwidth, 0.9 * width * total ** -0.2);
}

function quantileBucket({ tasks, total }: DurationSketch, share: number): number {
  let passed = 0;
  for (const [bucket, count] of tasks.entries()) {
    passed += count;
    if (passed >= share * total && count > 0) return bucket;
  }
  return bucketCount - 1;
}

/** Between which ages a task ended, in ms since its acceptance; the two are equal where its duration is known. */
export interface AgeSpan {
  fromMs: number;
  toMs: number;
}

/** The API begins to count before its answer is here, and its times may be rounded to seconds. */
const toleranceMs = 5_000;
/** A task that nobody looked at for longer (a closed lid, an outage) may have ended at any moment of it. */
const longestUnseenMs = 60_000;

/**
 * How long a task took that a check has just found to be over; null where nobody can say.
 * @param lifeMs what the API says, from two times of its own clock: ours is never mixed with it
 * @param nowMs by the clock that wrote the state's times
 */
export function measureDuration(
  { submittedAt, runningAt, sends }: StateOf<'accepted'>,
  { lifeMs, nowMs }: { lifeMs: number | null; nowMs: number },
): AgeSpan | null {
  // It ended after it was last seen running, and before now: the API's word must agree.
  const fromMs = runningAt === null ? 0 : runningAt - submittedAt;
  const toMs = nowMs - submittedAt;
  if (toMs < fromMs || fromMs < 0) return null;
  const agrees = lifeMs !== null && lifeMs >= fromMs - toleranceMs && lifeMs <= toMs + toleranceMs;
  if (agrees && lifeMs > 0) return { fromMs: lifeMs, toMs: lifeMs };
  // Sent more than once, it may be older than its acceptance.
  if (sends > 1 || toMs - fromMs > longestUnseenMs) return null;
  return { fromMs, toMs };
}

/** An answer's date counts whole seconds, so on average it is half a second behind. */
const dateBehindMs = 500;
/** What two dates of one clock, one of them without its fraction, may seem to disagree by. */
const noticeToleranceMs = 1_500;

/**
 * From a task's end to the check that found it, in ms, both by the API's clock; null where nobody can say.
 * What passed while no worker ran is part of it.
 * @param updatedAtMs the end as the API says, by its own clock
 * @param clockAheadMs the clock of `nowMs`, compared with the API's
 * @param nowMs by the clock that wrote the state's times
 */
export function measureLag(
  { submittedAt, runningAt }: Pick<StateOf<'accepted'>, 'submittedAt' | 'runningAt'>,
  updatedAtMs: number | null,
  clockAheadMs: number | null,
  nowMs: number,
): number | null {
  if (updatedAtMs === null || clockAheadMs === null) return null;
  const noticeMs = nowMs - clockAheadMs + dateBehindMs - updatedAtMs;
  // It ended after it was last seen running, and before now: a time that says otherwise is not that of its end.
  const longestMs = nowMs - (runningAt ?? submittedAt);
  if (noticeMs < -noticeToleranceMs || noticeMs > longestMs + noticeToleranceMs) return null;
  return Math.max(0, Math.min(noticeMs, longestMs));
}
