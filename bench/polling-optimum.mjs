// The best schedules that the true distribution of durations allows, under the rule of 2 s and then 5 s: worked out
// apart from the product's planner, on a finer grid, so that the one can be held against the other.
const firstMs = 2_000;
const leastSpacingMs = 5_000;

/** A log-normal distribution on a grid: the share that runs on past each age, and its integral. */
export function exactDistribution({ medianMs, sigma }) {
  const stepMs = medianMs < 30_000 ? 50 : 250;
  const points = Math.ceil((medianMs * Math.exp(4.5 * sigma)) / stepMs);
  const running = new Float64Array(points + 1);
  const ran = new Float64Array(points + 1);
  running[0] = 1;
  for (let index = 1; index <= points; index += 1) {
    running[index] = normalBeyond(Math.log((index * stepMs) / medianMs) / sigma);
    ran[index] = ran[index - 1] + (stepMs * (running[index - 1] + running[index])) / 2;
  }
  return { stepMs, running, ran };
}

/** The share of a standard normal beyond z: Abramowitz and Stegun 7.1.26, good to 1.5e-7. */
function normalBeyond(z) {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const half = 0.5 * poly * Math.exp(-x * x);
  return z >= 0 ? half : 1 - half;
}

/** Checks and notice of the best schedules over prices of a check from 1 ms to an hour, dearest first. */
export function bestFrontier(distribution) {
  const frontier = [];
  for (let priceMs = 3_600_000; priceMs >= 1; priceMs /= 1.5) {
    const point = bestAt(distribution, priceMs);
    const before = frontier.at(-1);
    if (!before || point.checks > before.checks + 1e-9) frontier.push(point);
  }
  return frontier;
}

function bestAt({ stepMs, running, ran }, priceMs) {
  const last = running.length - 1;
  const spacing = leastSpacingMs / stepMs;
  const next = new Int32Array(last);
  const cost = new Float64Array(last + 1);
  for (let age = last - 1; age >= 0; age -= 1) {
    let least = Number.POSITIVE_INFINITY;
    const soonest = Math.min(last, age === 0 ? firstMs / stepMs : age + spacing);
    for (let then = soonest; then <= last; then += 1) {
      const whole = (then - age) * stepMs * running[age] - ran[then] + ran[age] + cost[then];
      if (whole < least) {
        least = whole;
        next[age] = then;
      }
    }
    cost[age] = least + priceMs * running[age];
  }
  let [checks, noticeMs] = [0, 0];
  for (let age = 0; age < last; age = next[age]) {
    checks += running[age];
    noticeMs += (next[age] - age) * stepMs * running[age] - ran[next[age]] + ran[age];
  }
  return { checks, noticeMs };
}

/**
 * By how many % a schedule notices later than the frontier at the same number of checks, between whose points one
 * may mix schedules; null where it takes fewer checks than all of them.
 */
export function excessOver(frontier, { checks, noticeMs }) {
  const after = frontier.findIndex((point) => point.checks >= checks);
  if (after === 0) return null;
  const high = frontier.at(after === -1 ? -1 : after);
  const low = after === -1 ? high : frontier[after - 1];
  const share = low === high ? 0 : (checks - low.checks) / (high.checks - low.checks);
  return 100 * (noticeMs / (low.noticeMs + share * (high.noticeMs - low.noticeMs)) - 1);
}
