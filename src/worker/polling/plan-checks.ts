import { minFirstCheckMs, minSpacingMs } from '../poll-plan.js';
import type { DurationCurve } from './duration-curve.js';

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
 * check comes 2 s after acceptance at the earliest and each later one 5 s after the one before.
 *
 * Backwards over the ages at which a check may have found the task running: with R the share that runs on past an
 * age, the cost from age a on, weighted with R(a), is the least over t of
 * `price R(a) + integral from a to t of (R(a) - R(u)) du + cost(t)`: the integral is how long the tasks that end
 * between a and t wait for the check at t.
 */
export function planChecks(curve: DurationCurve, priceMs: number): CheckPolicy {
  const { stepMs, running, ran } = curve;
  const last = running.length - 1;
  const spacing = Math.ceil(minSpacingMs / stepMs);
  const first = Math.ceil(minFirstCheckMs / stepMs);
  const next = new Int32Array(last);
  const cost = new Float64Array(last + 1);
  cost[last] = (running[last] ?? 0) * (priceMs * tailChecks + last * stepMs * tailLateness);
  for (let age = last - 1; age >= 0; age -= 1) {
    const share = running[age] ?? 0;
    const soonest = Math.min(last, age === 0 ? first : age + spacing);
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
