import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type AccountKeys, batchKeys } from './keys.js';
import { runScript } from './scripts.js';

/** What an account, or a batch of it, did within a bucket of time. */
export interface HistoryFigures {
  /** Briefs that got their line as succeeded, and as anything else. */
  succeeded: number;
  otherwise: number;
  /** Charged for them. */
  credits: number;
  /** Requests that the API refused with 429. */
  refused: number;
  /** Ends of tasks that were noticed, and how late in ms, summed up. */
  noticed: number;
  lateMs: number;
}

/** In the order in which they are kept. */
const figures = ['succeeded', 'otherwise', 'credits', 'refused', 'noticed', 'lateMs'] as const;

/** Spans that are looked at, each in buckets as wide as a chart has room for. */
export const historySpans = {
  '15 minutes': { widthSeconds: 20, places: 45 },
  hour: { widthSeconds: 60, places: 60 },
  day: { widthSeconds: 900, places: 96 },
  week: { widthSeconds: 7_200, places: 84 },
} as const;

export type HistorySpan = keyof typeof historySpans;
export const historySpanNames = Object.keys(historySpans) as [HistorySpan, ...HistorySpan[]];

/** The narrowest that has all of a time, or else the widest. */
export function spanFor(durationMs: number): HistorySpan {
  const fits = (span: HistorySpan) => {
    const { widthSeconds, places } = historySpans[span];
    return durationMs <= widthSeconds * places * 1000;
  };
  return historySpanNames.find(fits) ?? 'week';
}

/** Buckets of one span, the oldest first; the last one is not over. */
export interface HistorySeries {
  span: HistorySpan;
  buckets: { fromMs: number; figures: HistoryFigures }[];
}

const lifeMs = 8 * 24 * 3_600_000;
/** Commands for each brief would cost more than it tells; so much of it is lost with a process that is killed. */
const gatherMs = 10_000;

/** What an account and its batches did lately, in rings of bounded size, told by all processes of all machines. */
export class HistoryLedger {
  /** By batch. */
  private gathered = new Map<string, HistoryFigures>();
  private telling: Promise<void> | null = null;

  constructor(
    private readonly redis: Redis,
    private readonly prefix: string,
    private readonly keys: Pick<AccountKeys, 'history' | 'clock'>,
  ) {}

  /** Counts it soon, together with what follows; what cannot be told is no news, and is forgotten. */
  note(batch: string, part: Partial<HistoryFigures>): void {
    const sums = this.gathered.get(batch) ?? nothing();
    this.gathered.set(batch, sums);
    for (const figure of figures) sums[figure] += part[figure] ?? 0;
    this.telling ??= sleep(gatherMs, undefined, { ref: false })
      .then(() => this.tell())
      .catch(() => undefined);
  }

  /** Counts what was gathered now. */
  async tell(): Promise<void> {
    const { gathered } = this;
    this.gathered = new Map();
    this.telling = null;
    if (gathered.size === 0) return;
    const rings = Object.values(historySpans);
    const batches = [...gathered].map(([batch, sums]) => ({
      keys: batchKeys(this.prefix, batch),
      sums,
    }));
    const all = summed(batches.map(({ sums }) => sums));
    await runScript(this.redis, 'note-history', {
      keys: [
        this.keys.history,
        ...batches.flatMap(({ keys: { meta, history } }) => [meta, history]),
        this.keys.clock,
      ],
      values: [
        ...[lifeMs, figures.length, rings.length],
        ...rings.flatMap(({ widthSeconds, places }) => [widthSeconds, places]),
        ...[all, ...batches.map(({ sums }) => sums)].flatMap((sums) =>
          figures.map((figure) => sums[figure]),
        ),
      ],
    });
  }
}

/** With fewer, a chart shows no course of things. */
const leastBuckets = 12;

/**
 * A span of the rings that an account or a batch has.
 * @param key `history` of its keys
 * @param when ms since the epoch: where it ends, and before what there was nothing yet
 */
export async function readHistory(
  redis: Redis,
  key: string,
  { span, untilMs, sinceMs = 0 }: { span: HistorySpan; untilMs: number; sinceMs?: number },
): Promise<HistorySeries> {
  const { widthSeconds, places } = historySpans[span];
  const numberOf = (ms: number) => Math.floor(ms / 1000 / widthSeconds);
  const last = numberOf(untilMs);
  const length = Math.max(leastBuckets, Math.min(places, last - numberOf(sinceMs) + 1));
  const numbers = Array.from({ length }, (_, index) => last - length + 1 + index);
  const fields = numbers.map((bucket) => `${widthSeconds} ${bucket % places}`);
  const texts = await redis.hmget(key, ...fields);
  const buckets = numbers.map((bucket, index) => ({
    fromMs: bucket * widthSeconds * 1000,
    figures: figuresIn(texts[index] ?? '', bucket),
  }));
  return { span, buckets };
}

export function summed(all: readonly HistoryFigures[]): HistoryFigures {
  const sums = nothing();
  for (const each of all) for (const figure of figures) sums[figure] += each[figure];
  return sums;
}

function nothing(): HistoryFigures {
  return { succeeded: 0, otherwise: 0, credits: 0, refused: 0, noticed: 0, lateMs: 0 };
}

export function isNothing(sums: HistoryFigures): boolean {
  return figures.every((figure) => sums[figure] === 0);
}

/** None of a bucket of an earlier round. */
function figuresIn(text: string, bucket: number): HistoryFigures {
  const [number, ...values] = text.split(' ').map(Number);
  const found = nothing();
  if (number !== bucket) return found;
  for (const [index, figure] of figures.entries()) found[figure] = values[index] ?? 0;
  return found;
}
