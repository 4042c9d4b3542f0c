import {
  bucketCount,
  bucketsPerDoubling,
  type DurationSketch,
} from '../../shared/ledger/duration-sketch.js';

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
export function smoothDurations(sketch: DurationSketch): Float64Array {
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
