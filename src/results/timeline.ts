import { bucketWidths } from '../shared/time-buckets.js';

/** What came about within a bucket of time. */
export interface Happened {
  /** Credits charged for tasks whose end was noticed then. */
  credits: number;
  /** Briefs that got their line then: those that succeeded, and all others. */
  succeeded: number;
  otherwise: number;
  /** Requests that the API refused: for their rate, for the number of unfinished tasks, and for whatever else. */
  refusedRate: number;
  refusedPlaces: number;
  refusedOther: number;
}

export interface TimelinePoint extends Happened {
  /** Tasks that the API had taken and that were not known to be over, on average over the bucket. */
  inFlight: number;
}

/** A time in which something was going on; its points follow each other without a gap. */
interface Stretch {
  /** When its first bucket begins, ISO 8601 in UTC. */
  from: string;
  points: TimelinePoint[];
}

export interface Series {
  /** Width of each bucket. */
  seconds: number;
  /** In their order. Between them nothing came about, and no task was in flight. */
  stretches: Stretch[];
}

/** How full the account's places were, as far as this batch filled them. */
export interface Occupancy {
  /** Tasks in flight at once, at most. */
  most: number;
  /** Share (0 to 1) of the time with any task in flight in which there were nearly as many as that. */
  nearMostShare: number;
}

/** Of the most tasks at once, so many are nearly as many: a task that is over and not replaced yet is no sign of room. */
const nearMost = 0.85;
/** Held while lines are read; some 150 bytes each. */
const mostKept = 4_096;
/** As many as a chart has room for. */
const mostPoints = 120;
/** A shorter time without anything is shown as it is. */
const shortGapSeconds = 60;
const shortGapBuckets = 8;

function nothing(): Happened {
  return {
    ...{ credits: 0, succeeded: 0, otherwise: 0 },
    ...{ refusedRate: 0, refusedPlaces: 0, refusedOther: 0 },
  };
}

function addTo(sum: Happened, one: Partial<Happened>): void {
  for (const [name, amount] of Object.entries(one) as [keyof Happened, number][]) {
    sum[name] += amount;
  }
}

/**
 * What came about when, gathered in any order: buckets that become wider the more of them there are, and 16 bytes for each
 * task, whose times are not known to be in order.
 */
export class Timeline {
  private readonly begins: number[] = [];
  private readonly ends: number[] = [];
  private position = 0;
  private buckets = new Map<number, Happened>();

  add(atMs: number, happened: Partial<Happened>): void {
    this.addAt(Math.floor(atMs / 1000), happened);
    while (this.buckets.size > mostKept && this.position + 1 < bucketWidths.length) this.widen();
  }

  /** A task was in flight from its acceptance until its end was noticed. */
  addTask(submittedMs: number, completedMs: number): void {
    this.begins.push(submittedMs);
    this.ends.push(Math.max(submittedMs, completedMs));
  }

  private addAt(second: number, happened: Partial<Happened>): void {
    const first = second - (second % widthAt(this.position));
    const bucket = this.buckets.get(first) ?? nothing();
    this.buckets.set(first, bucket);
    addTo(bucket, happened);
  }

  private widen(): void {
    const narrow = this.buckets;
    this.position += 1;
    this.buckets = new Map();
    for (const [first, happened] of narrow) this.addAt(first, happened);
  }

  /** @param leastSeconds no bucket is narrower: what was added was known no better */
  read(leastSeconds = 1): { series: Series; occupancy: Occupancy } {
    const flights = sweep(this.begins, this.ends);
    const busy = [
      ...flights.busy,
      ...[...this.buckets.keys()].map((first) => [first, first] as const),
    ];
    busy.sort(([left], [right]) => left - right);
    while (
      this.position + 1 < bucketWidths.length &&
      (widthAt(this.position) < leastSeconds ||
        pointsOf(stretchesOf(busy, widthAt(this.position)), widthAt(this.position)) > mostPoints)
    ) {
      this.widen();
    }
    const seconds = widthAt(this.position);
    const stretches = stretchesOf(busy, seconds).map(([from, to]) => ({
      from: new Date(from * 1000).toISOString(),
      points: Array.from({ length: (to - from) / seconds + 1 }, (_, index) => ({
        ...(this.buckets.get(from + index * seconds) ?? nothing()),
        inFlight: 0,
      })),
    }));
    flights.fill(stretches, seconds);
    return { series: { seconds, stretches }, occupancy: flights.occupancy };
  }
}

function widthAt(position: number): number {
  return bucketWidths[position] ?? 1;
}

/** First and last second. */
type Busy = readonly [number, number];

/** First seconds of their first and their last buckets. */
function stretchesOf(busy: readonly Busy[], seconds: number): Busy[] {
  const longestGap = Math.max(shortGapSeconds, shortGapBuckets * seconds);
  const stretches: [number, number][] = [];
  for (const [begin, end] of busy) {
    const from = begin - (begin % seconds);
    const to = end - (end % seconds);
    const last = stretches.at(-1);
    if (last !== undefined && from - last[1] <= longestGap) last[1] = Math.max(last[1], to);
    else stretches.push([from, to]);
  }
  return stretches;
}

function pointsOf(stretches: readonly Busy[], seconds: number): number {
  return stretches.reduce((sum, [from, to]) => sum + (to - from) / seconds + 1, 0);
}

/** How many tasks were in flight at any time: between two moments at which one began or ended, their number stays. */
function sweep(beginsMs: readonly number[], endsMs: readonly number[]) {
  const begins = Float64Array.from(beginsMs).sort();
  const ends = Float64Array.from(endsMs).sort();

  function* steady(): Generator<{ fromMs: number; toMs: number; tasks: number }> {
    let begun = 0;
    let ended = 0;
    let fromMs = begins[0] ?? 0;
    while (ended < ends.length) {
      const nextBegin = begins[begun] ?? Number.POSITIVE_INFINITY;
      const nextEnd = ends[ended] ?? Number.POSITIVE_INFINITY;
      const toMs = Math.min(nextBegin, nextEnd);
      if (toMs > fromMs) yield { fromMs, toMs, tasks: begun - ended };
      fromMs = toMs;
      // At one and the same moment, a task takes the place of another.
      if (nextEnd <= nextBegin && ended < begun) ended += 1;
      else begun += 1;
    }
  }

  const busy: [number, number][] = [];
  let most = 0;
  let anyMs = 0;
  for (const { fromMs, toMs, tasks } of steady()) {
    if (tasks === 0) continue;
    most = Math.max(most, tasks);
    anyMs += toMs - fromMs;
    const [from, to] = [Math.floor(fromMs / 1000), Math.floor(toMs / 1000)];
    const last = busy.at(-1);
    if (last !== undefined && from - last[1] <= shortGapSeconds) last[1] = to;
    else busy.push([from, to]);
  }
  let nearMostMs = 0;
  for (const { fromMs, toMs, tasks } of steady()) {
    if (tasks > 0 && tasks >= nearMost * most) nearMostMs += toMs - fromMs;
  }

  /** Averages over the buckets, which hold all of the time with any task in flight. */
  function fill(stretches: readonly Stretch[], seconds: number): void {
    const widthMs = seconds * 1000;
    let at = 0;
    for (const { fromMs, toMs, tasks } of steady()) {
      if (tasks === 0) continue;
      for (;;) {
        const { from, points } = stretches[at] as Stretch;
        const beginMs = Date.parse(from);
        if (fromMs >= beginMs + points.length * widthMs) {
          at += 1;
          continue;
        }
        const [first, last] = [fromMs, toMs].map((ms) => Math.floor((ms - beginMs) / widthMs));
        for (let index = first ?? 0; index <= (last ?? 0); index += 1) {
          const point = points[index];
          if (point === undefined) break;
          const bucketMs = beginMs + index * widthMs;
          const withinMs = Math.min(toMs, bucketMs + widthMs) - Math.max(fromMs, bucketMs);
          point.inFlight += (tasks * Math.max(0, withinMs)) / widthMs;
        }
        break;
      }
    }
  }

  const nearMostShare = anyMs === 0 ? 0 : nearMostMs / anyMs;
  return { busy, fill, occupancy: { most, nearMostShare } satisfies Occupancy };
}
