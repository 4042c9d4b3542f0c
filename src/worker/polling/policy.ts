import type { Pressure } from '../../ledger/account-view.js';
import { type DurationCurve, horizonMs } from './durations.js';
import { minFirstCheckMs, minSpacingMs } from './guidance.js';

/**
 * What one status check may cost, in medians of the task's kind: what is late for an image is soon for a video.
 * Simulated with log-normal durations (`npm run bench:polling`):
 * - `in_flight`: a task that is over and not noticed keeps the next one out, while requests are to be had. At 0.01,
 *   images are noticed after the 2.5 s that checks 5 s apart allow at best, and videos after 6 % of their time; at
 *   half the price a video takes 1.4 times the checks for the next 2 %.
 * - `none`: nobody waits for the place, so it looks soon, but not for the last second: a video takes a quarter fewer
 *   checks than at 0.01 and is noticed 2 s later, an image as good as the same.
 * - `rate`: each check takes the turn of a submission, so nearly every task is to be looked at once: 1.05 checks an
 *   image, 1.1 a video. It is as much as the bound below lets it be for both, and for a narrower history less late.
 */
const priceShares: Record<Pressure, number> = { rate: 8, in_flight: 0.01, none: 0.02 };
const leastPriceShare = 0.01;

/**
 * Whatever requests are worth, tasks are noticed after one median on average at the latest: with it, a place in
 * flight is held about twice as long as its task runs. A wide history pays for that with more checks. A second look
 * comes 5 s after the first, so for less it is not worth to look early.
 */
const latestLagShare = 1;
const leastLagBoundMs = minSpacingMs;
/** Of a bisection between the two prices, 1 to 800: it ends within a tenth of the highest price that keeps the bound. */
const bisections = 6;

/**
 * When to look at tasks of such durations under this pressure.
 * @param tasksAMiss see `HintShare`: each task is looked at once for its end, as its hint says or as planned; but only
 *   those whose hint does not come wait for a planned look, so what is late weighs so many times less
 */
export function choosePolicy(
  curve: DurationCurve,
  pressure: Pressure,
  tasksAMiss = 1,
): CheckPolicy {
  const bound = Math.max(latestLagShare * curve.medianMs, leastLagBoundMs) * tasksAMiss;
  const planAt = (share: number) => planChecks(curve, share * curve.medianMs);
  const price = priceShares[pressure] * tasksAMiss;
  const wanted = planAt(price);
  if (wanted.noticeMs <= bound || price <= leastPriceShare) return wanted;
  let low = leastPriceShare;
  let high = price;
  let best = planAt(low);
  for (let round = 0; round < bisections; round += 1) {
    const middle = Math.sqrt(low * high);
    const policy = planAt(middle);
    if (policy.noticeMs > bound) {
      high = middle;
    } else {
      low = middle;
      best = policy;
    }
  }
  return best;
}

/** For how long the pace, as it is, has something to send, in ms; infinite where nobody knows. */
export interface WorkAhead {
  /** All that is left: each brief that waits is submitted, and looked at once, as is each task in flight. */
  leftMs: number;
  /** What there are places in flight for: then submissions stand still until a task is found to be over. */
  placedMs: number;
}

/** All work, for ever: each look takes a submission's turn. */
export const endless: WorkAhead = {
  leftMs: Number.POSITIVE_INFINITY,
  placedMs: Number.POSITIVE_INFINITY,
};

/** A place is free when the answer is here, and not when its turn comes: looked at so much sooner, none is waited for. */
const placedShare = 0.9;
/** Near the end a task is left to ripen until no more are still running than this, where a second look comes later still. */
const lastShare = 0.02;

/**
 * While requests are scarce: from which age on a look takes nobody's turn, because without it the pace would have
 * nothing to send; null where that is no reason to look at another time than planned.
 * - Near the end, looks come in the order of submissions after all that is left: submissions go out first, at the whole
 *   pace, and what is looked at has long ended. A plan that goes by scarce requests to the end leaves the last looks to be
 *   made one spacing, or two, after the last submission. It begins early enough for the last task to be looked at where
 *   its history ends, when those that were planned before are half over, on average.
 * - Before places run out, where that is sooner than planned.
 * @param ageMs since its acceptance
 * @param plannedMs the age at which it is looked at while requests are scarce
 */
export function freeFromMs(
  curve: DurationCurve,
  ageMs: number,
  plannedMs: number,
  { leftMs, placedMs }: WorkAhead,
): number | null {
  const placed = ageMs + placedMs * placedShare;
  const left = ageMs + leftMs;
  if (left > horizonMs(curve) + (plannedMs - ageMs) / 2) return placed < plannedMs ? placed : null;
  const ripe = curve.running.findIndex((share) => share <= lastShare) * curve.stepMs;
  const isWorthIt = left < ripe && ripe < left + minSpacingMs;
  return Math.min(isWorthIt ? ripe : left, placed);
}

/** When to look at tasks of such durations where looks are free from some age on, and none is made before. */
export function freePolicy(curve: DurationCurve, fromMs: number, tasksAMiss = 1): CheckPolicy {
  return planChecks(curve, priceShares.none * tasksAMiss * curve.medianMs, fromMs);
}

/** When to look at a task of any age, and what that comes to on average. */
export interface CheckPolicy {
  stepMs: number;
  /** By age at which a task was seen running, in steps: the age at which it is looked at next, in steps. */
  next: Int32Array;
  /** Status checks a task. */
  checks: number;
  /** From a task's end to the check that finds it. */
  noticeMs: number;
}

/** What is left to pay for a task that outlives its history: two more looks, the last an eighth of its age late. */
const tailChecks = 2;
const tailLateness = 0.125;

/**
 * The schedule with the least expected `priceMs * checks + time from end to notice`, under the rule that the first
 * check comes 2 s after acceptance at the earliest and each later one 5 s after the one before, and none before
 * `fromMs`.
 *
 * Backwards over the ages at which a check may have found the task running: with R the share that runs on past an
 * age, the cost from age a on, weighted with R(a), is the least over t of
 * `price R(a) + integral from a to t of (R(a) - R(u)) du + cost(t)`: the integral is how long the tasks that end
 * between a and t wait for the check at t.
 */
export function planChecks(curve: DurationCurve, priceMs: number, fromMs = 0): CheckPolicy {
  const { stepMs, running, ran } = curve;
  const last = running.length - 1;
  const spacing = Math.ceil(minSpacingMs / stepMs);
  const first = Math.ceil(minFirstCheckMs / stepMs);
  const from = Math.ceil(fromMs / stepMs);
  const next = new Int32Array(last);
  const cost = new Float64Array(last + 1);
  cost[last] = (running[last] ?? 0) * (priceMs * tailChecks + last * stepMs * tailLateness);
  for (let age = last - 1; age >= 0; age -= 1) {
    const share = running[age] ?? 0;
    const soonest = Math.min(last, Math.max(from, age === 0 ? first : age + spacing));
    let least = Number.POSITIVE_INFINITY;
    for (let then = soonest; then <= last; then += 1) {
      const waited = (then - age) * stepMs * share - (ran[then] ?? 0) + (ran[age] ?? 0);
      const whole = waited + (cost[then] ?? 0);
      if (whole >= least) continue;
      least = whole;
      next[age] = then;
    }
    cost[age] = least + priceMs * share;
  }
  return { stepMs, next, ...expectationOf(curve, next) };
}

/** Follows the schedule of a new task to the end of its history. */
function expectationOf(
  { stepMs, running, ran }: DurationCurve,
  next: Int32Array,
): Pick<CheckPolicy, 'checks' | 'noticeMs'> {
  const last = running.length - 1;
  let checks = tailChecks * (running[last] ?? 0);
  let noticeMs = tailLateness * last * stepMs * (running[last] ?? 0);
  let age = 0;
  while (age < last) {
    const then = next[age] ?? last;
    const share = running[age] ?? 0;
    checks += share;
    noticeMs += (then - age) * stepMs * share - (ran[then] ?? 0) + (ran[age] ?? 0);
    age = then;
  }
  return { checks, noticeMs };
}

/** The age, in ms, at which a task that runs at `ageMs` is looked at next; null past all history. */
export function plannedAgeMs({ stepMs, next }: CheckPolicy, ageMs: number): number | null {
  const then = next[Math.round(ageMs / stepMs)];
  return then === undefined ? null : then * stepMs;
}
