import type { Pressure } from '../../shared/ledger/account-view.js';
import type { DurationCurve } from './duration-curve.js';
import { type CheckPolicy, planChecks } from './plan-checks.js';

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
 * flight is held about twice as long as its task runs. A wide history pays for that with more checks.
 */
const latestNoticeShare = 1;
/** Of a bisection between the two prices, 1 to 800: it ends within a tenth of the highest price that keeps the bound. */
const bisections = 6;

/** When to look at tasks of such durations under this pressure. */
export function choosePolicy(curve: DurationCurve, pressure: Pressure): CheckPolicy {
  const bound = latestNoticeShare * curve.medianMs;
  const planAt = (share: number) => planChecks(curve, share * curve.medianMs);
  const wanted = planAt(priceShares[pressure]);
  if (wanted.noticeMs <= bound || priceShares[pressure] <= leastPriceShare) return wanted;
  let low = leastPriceShare;
  let high = priceShares[pressure];
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
