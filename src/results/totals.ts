import type { LineStatus, ManifestLine } from '../shared/manifest-line.js';
import { addCosts, costsOf, noCosts, type PaidLine, paidLines } from './costs.js';
import { type RunReport, readReport } from './run-report.js';
import { type Occupancy, type Series, Timeline } from './timeline.js';

/**
 * What a batch has made, paid and waited for, from its folder alone. Credits are those that the API stated, as
 * `chargedFor` has them, and sum up to what `costs` says of the folder. Lines that a schedule took over from an earlier
 * batch count there, and not here.
 */
export interface Totals {
  /** Null while there is no `run.json`: until a first run is at its end. */
  run: RunFacts | null;
  /** Lines of the manifest, by status. */
  briefs: Record<LineStatus, number>;
  /** Lines that were taken over: no part of the others. */
  takenOver: number;
  money: Money;
  /** Null where nothing succeeded, or no line has all of its times. */
  time: TimeShares | null;
  series: Series;
  /** What the manifest and the history hold beside the series: lines without any time at which they ended. */
  untimed: { credits: number; lines: number };
  /** By what was spent on them, the most first. */
  models: ModelTotals[];
  occupancy: Occupancy;
  limit: Limit;
  /** Rows of manifest and history that cannot be read. */
  unreadable: number;
}

/** From `run.json`. */
interface RunFacts {
  batch: string;
  state: RunReport['state'];
  /** Briefs without a line. */
  pending: number;
  requests: RunReport['requests'];
  /** Of the refused, how many are known by their time and kind; null in reports of versions that kept none. */
  refusals: Record<'rate' | 'places' | 'other', number> | null;
  /** When each run began: ISO 8601 in UTC, null where that was lost. */
  runs: { run: number; at: string | null }[];
}

/** Credits: `spent` is the sum of the next three. */
interface Money {
  spent: number;
  /** For the attempts that stand in the manifest as succeeded. */
  succeeded: number;
  /** For those that stand there as anything else. */
  failed: number;
  /** For attempts that later ones have replaced, whatever came of them. */
  earlier: number;
  /** Lines of the manifest that did not succeed and were charged. */
  chargedThoughFailed: number;
  /** Attempts of which nobody knows what was charged, and what was reserved for them: no part of `spent`. */
  inDoubt: { attempts: number; reserved: number };
}

/**
 * Where the time of an average brief went, in ms: means over the lines of the manifest that succeeded and have all of
 * their times, of the attempt that stands there. Their sum is the mean time from admission to the last file.
 */
interface TimeShares {
  briefs: number;
  /** From admission until the API took it: it waited for the pace, a place in flight, a hold or a pause. */
  unsentMs: number;
  /** The same of steps, which wait for what they come after as well, and for a person's yes. */
  stepsMs: number;
  /** Until the task ended (`times.ended`); where the API never said when, until that was noticed. */
  makingMs: number;
  /** From then until it was noticed; null where no line says when its task ended. */
  unnoticedMs: number | null;
  /** Until all files were on disk. */
  fetchingMs: number;
}

export interface ModelTotals {
  model: string;
  /** Lines of the manifest. */
  briefs: number;
  succeeded: number;
  /** Credits, for all attempts. */
  spent: number;
  /** Credits of a line that succeeded, as far as they are known; null where none did. */
  price: { mean: number; least: number; most: number } | null;
  chargedThoughFailed: { lines: number; credits: number };
  /** Of lines that succeeded: from their acceptance until their end was noticed, and from then until their files were there. */
  making: Quantiles | null;
  fetching: Quantiles | null;
}

/** In ms: half of them, and nine of ten, took no longer. */
export interface Quantiles {
  median: number;
  p90: number;
}

/**
 * What kept the batch from being over sooner, as far as its folder shows it; null where it shows nothing.
 * `rate`: the API refused at least one of a hundred requests because there were too many.
 * `places`: it did so because of unfinished tasks; or briefs waited to be sent while, most of the time, nearly as many
 * tasks were in flight as ever.
 * `steps`, `api`, `files`: half of an average brief's time or more went by before steps were sent, until tasks had ended,
 * or while files were fetched.
 */
type Limit = 'rate' | 'places' | 'steps' | 'api' | 'files' | null;

/**
 * Reads manifest, history and `run.json` of a folder. Memory for each line: some 40 bytes, and 30 for a task.
 * @throws the system's error where the folder cannot be read
 */
export async function readTotals(out: string): Promise<Totals> {
  const report = await readReport(out);
  const unreadable: { path: string; row: number }[] = [];
  const gathering = new Gathering();
  for await (const paid of paidLines(out, unreadable)) gathering.add(paid);
  return gathering.totals(report, unreadable.length);
}

/** A refused request of each hundred is no accident any more. */
const manyRefused = 0.01;
/** Half of the time is most of it. */
const most = 0.5;
/** A quarter of a brief's time spent waiting for its turn is worth to be told of. */
const longWait = 0.25;

class Gathering {
  private readonly briefs = { succeeded: 0, failed: 0, unknown: 0, cancelled: 0 };
  private takenOver = 0;
  private readonly costs = noCosts();
  private readonly money = { succeeded: 0, failed: 0, earlier: 0, chargedThoughFailed: 0 };
  private readonly timeline = new Timeline();
  private readonly untimed = { credits: 0, lines: 0 };
  private readonly shares = new ShareSums();
  private readonly models = new Map<string, ModelSums>();

  add({ line, when }: PaidLine): void {
    if (line.from !== null) {
      if (when === 'now') this.takenOver += 1;
      return;
    }
    const paid = costsOf(line, when);
    addCosts(this.costs, paid);
    const model = this.models.get(line.model) ?? new ModelSums();
    this.models.set(line.model, model);
    model.spent += paid.spent;
    const moments = momentsOf(line);
    this.addToTimeline(line, when, paid.spent, moments);
    if (when === 'earlier') {
      this.money.earlier += paid.spent;
      return;
    }
    this.briefs[line.status] += 1;
    model.briefs += 1;
    if (line.status === 'succeeded') {
      this.money.succeeded += paid.spent;
      model.addSuccess(paid.inDoubt.attempts > 0 ? null : paid.spent, moments);
      this.shares.add(line, moments);
      return;
    }
    this.money.failed += paid.spent;
    if (paid.spent === 0) return;
    this.money.chargedThoughFailed += 1;
    model.chargedThoughFailed.lines += 1;
    model.chargedThoughFailed.credits += paid.spent;
  }

  private addToTimeline(
    { status }: ManifestLine,
    when: PaidLine['when'],
    credits: number,
    { submitted, completed, collected }: Moments,
  ): void {
    if (submitted !== null && completed !== null) this.timeline.addTask(submitted, completed);
    const chargedAt = completed ?? submitted;
    if (chargedAt === null) this.untimed.credits += credits;
    else if (credits !== 0) this.timeline.add(chargedAt, { credits });
    if (when === 'earlier') return;
    const linedAt = collected ?? chargedAt;
    if (linedAt === null) this.untimed.lines += 1;
    else this.timeline.add(linedAt, status === 'succeeded' ? { succeeded: 1 } : { otherwise: 1 });
  }

  totals(report: RunReport | null, unreadable: number): Totals {
    const refusals = report?.refusals ?? null;
    for (const { at, rate, places, other } of refusals ?? []) {
      const refused = { refusedRate: rate, refusedPlaces: places, refusedOther: other };
      this.timeline.add(Date.parse(at), refused);
    }
    const { series, occupancy } = this.timeline.read(refusals?.[0]?.seconds);
    const run = report && factsOf(report);
    const time = this.shares.means();
    return {
      ...{ run, time, series, occupancy, unreadable },
      limit: limitOf(run, time, occupancy),
      briefs: this.briefs,
      takenOver: this.takenOver,
      money: { spent: this.costs.spent, ...this.money, inDoubt: this.costs.inDoubt },
      untimed: this.untimed,
      models: [...this.models]
        .map(([model, sums]) => ({ model, ...sums.totals() }))
        .sort((left, right) => right.spent - left.spent || right.briefs - left.briefs),
    };
  }
}

/** Ms since the epoch. */
interface Moments {
  admitted: number;
  submitted: number | null;
  ended: number | null;
  completed: number | null;
  collected: number | null;
}

function momentsOf({ times }: ManifestLine): Moments {
  const { admitted, submitted, ended = null, completed, collected } = times;
  return {
    admitted: Date.parse(admitted),
    submitted: readMoment(submitted),
    ended: readMoment(ended),
    completed: readMoment(completed),
    collected: readMoment(collected),
  };
}

/** A line that somebody has edited may say anything. */
function readMoment(text: string | null): number | null {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? null : ms;
}

class ShareSums {
  private briefs = 0;
  private unsentMs = 0;
  private stepsMs = 0;
  private makingMs = 0;
  private fetchingMs = 0;
  private unnoticed = { lines: 0, ms: 0 };

  add(line: ManifestLine, { admitted, submitted, ended, completed, collected }: Moments): void {
    if (submitted === null || completed === null || collected === null) return;
    const waitedMs = Math.max(0, submitted - admitted);
    if (Number.isNaN(waitedMs)) return;
    this.briefs += 1;
    if ((line.after ?? []).length > 0) this.stepsMs += waitedMs;
    else this.unsentMs += waitedMs;
    const makingMs = Math.max(0, completed - submitted);
    this.makingMs += makingMs;
    this.fetchingMs += Math.max(0, collected - completed);
    if (ended === null) return;
    this.unnoticed.lines += 1;
    this.unnoticed.ms += Math.min(makingMs, Math.max(0, completed - ended));
  }

  means(): TimeShares | null {
    const { briefs, unnoticed } = this;
    if (briefs === 0) return null;
    // Of lines that do not say when their task ended, it is taken to have been noticed as late as that of the others.
    const unnoticedMs = unnoticed.lines === 0 ? null : unnoticed.ms / unnoticed.lines;
    const makingMs = this.makingMs / briefs;
    const lateMs = unnoticedMs === null ? 0 : Math.min(makingMs, unnoticedMs);
    return {
      briefs,
      unsentMs: this.unsentMs / briefs,
      stepsMs: this.stepsMs / briefs,
      makingMs: makingMs - lateMs,
      unnoticedMs: unnoticedMs === null ? null : lateMs,
      fetchingMs: this.fetchingMs / briefs,
    };
  }
}

class ModelSums {
  briefs = 0;
  succeeded = 0;
  spent = 0;
  readonly chargedThoughFailed = { lines: 0, credits: 0 };
  private readonly prices = { lines: 0, sum: 0, least: Number.POSITIVE_INFINITY, most: 0 };
  private readonly makingMs: number[] = [];
  private readonly fetchingMs: number[] = [];

  /** @param credits null where nobody knows them */
  addSuccess(credits: number | null, { submitted, completed, collected }: Moments): void {
    this.succeeded += 1;
    if (credits !== null) {
      this.prices.lines += 1;
      this.prices.sum += credits;
      this.prices.least = Math.min(this.prices.least, credits);
      this.prices.most = Math.max(this.prices.most, credits);
    }
    if (completed === null) return;
    if (submitted !== null) this.makingMs.push(Math.max(0, completed - submitted));
    if (collected !== null) this.fetchingMs.push(Math.max(0, collected - completed));
  }

  totals(): Omit<ModelTotals, 'model'> {
    const { briefs, succeeded, spent, chargedThoughFailed } = this;
    const { lines, sum, least, most: highest } = this.prices;
    return {
      ...{ briefs, succeeded, spent, chargedThoughFailed },
      price: lines === 0 ? null : { mean: sum / lines, least, most: highest },
      making: quantilesOf(this.makingMs),
      fetching: quantilesOf(this.fetchingMs),
    };
  }
}

/** The nearest rank: a time that was measured, and not one between two. */
function quantilesOf(measured: readonly number[]): Quantiles | null {
  if (measured.length === 0) return null;
  const sorted = Float64Array.from(measured).sort();
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return { median: at(0.5), p90: at(0.9) };
}

function factsOf({ batch, state, counts, requests, refusals, runs }: RunReport): RunFacts {
  return {
    ...{ batch, state, requests },
    pending: counts.pending,
    refusals:
      refusals?.reduce(
        (sum, { rate, places, other }) => ({
          rate: sum.rate + rate,
          places: sum.places + places,
          other: sum.other + other,
        }),
        { rate: 0, places: 0, other: 0 },
      ) ?? null,
    runs: runs.map(({ run, at }) => ({ run, at })),
  };
}

function limitOf(run: RunFacts | null, time: TimeShares | null, occupancy: Occupancy): Limit {
  const { submits = 0, status_checks = 0, uploads = 0 } = run?.requests ?? {};
  const isMany = (refused = 0) =>
    refused > 0 && refused >= manyRefused * (submits + status_checks + uploads);
  if (isMany(run?.refusals?.rate)) return 'rate';
  if (isMany(run?.refusals?.places)) return 'places';
  if (time === null) return null;
  const { unsentMs, stepsMs, makingMs, fetchingMs } = time;
  const wholeMs = unsentMs + stepsMs + makingMs + (time.unnoticedMs ?? 0) + fetchingMs;
  const isFull = occupancy.most > 1 && occupancy.nearMostShare >= most;
  if (isFull && unsentMs >= longWait * wholeMs) return 'places';
  if (stepsMs >= most * wholeMs) return 'steps';
  if (makingMs >= most * wholeMs) return 'api';
  return fetchingMs >= most * wholeMs ? 'files' : null;
}
