import {
  bucketCount,
  bucketPosition,
  type DurationSketch,
  positionMs,
} from '../../shared/ledger/duration-sketch.js';
import { minSpacingMs } from '../poll-plan.js';
import type { AgeSpan } from './measure-duration.js';
import { smoothDurations } from './smooth-durations.js';

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
  const horizonMs = reachesMs(shares, horizonShare);
  const stepMs = chooseStepMs(horizonMs / mostSteps);
  const points = Math.max(2, Math.ceil(horizonMs / stepMs) + 1);
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
