import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { AccountKeys } from './keys.js';
import { runScript } from './scripts.js';

/** What an account did within a bucket of time. */
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
  hour: { widthSeconds: 60, places: 60 },
  day: { widthSeconds: 900, places: 96 },
  week: { widthSeconds: 7_200, places: 84 },
} as const;

export type HistorySpan = keyof typeof historySpans;

/** Buckets of one span, the oldest first; the last one is not over. */
export interface HistorySeries {
  widthSeconds: number;
  buckets: { fromMs: number; figures: HistoryFigures }[];
}

const lifeMs = 8 * 24 * 3_600_000;
/** A command for each brief would cost more than it tells; so much of it is lost with a process that is killed. */
const gatherMs = 10_000;

/** What an account did lately, in rings of bounded size, told by all processes of all machines. */
export class HistoryLedger {
  private gathered = nothing();
  private telling: Promise<void> | null = null;

  constructor(
    private readonly redis: Redis,
    private readonly keys: Pick<AccountKeys, 'history' | 'clock'>,
  ) {}

  /** Counts it soon, together with what follows; what cannot be told is no news, and is forgotten. */
  note(part: Partial<HistoryFigures>): void {
    for (const figure of figures) this.gathered[figure] += part[figure] ?? 0;
    this.telling ??= sleep(gatherMs, undefined, { ref: false })
      .then(() => this.tell())
      .catch(() => undefined);
  }

  /** Counts what was gathered now. */
  async tell(): Promise<void> {
    const { gathered } = this;
    this.gathered = nothing();
    this.telling = null;
    if (figures.every((figure) => gathered[figure] === 0)) return;
    const rings = Object.values(historySpans);
    await runScript(this.redis, 'note-history', {
      keys: [this.keys.history, this.keys.clock],
      values: [
        ...[lifeMs, rings.length],
        ...rings.flatMap(({ widthSeconds, places }) => [widthSeconds, places]),
        ...figures.map((figure) => gathered[figure]),
      ],
    });
  }

  async read(span: HistorySpan, nowMs: number): Promise<HistorySeries> {
    const { widthSeconds, places } = historySpans[span];
    const last = Math.floor(nowMs / 1000 / widthSeconds);
    const numbers = Array.from({ length: places }, (_, index) => last - places + 1 + index);
    const fields = numbers.map((bucket) => `${widthSeconds} ${bucket % places}`);
    const texts = await this.redis.hmget(this.keys.history, ...fields);
    const buckets = numbers.map((bucket, index) => ({
      fromMs: bucket * widthSeconds * 1000,
      figures: figuresIn(texts[index] ?? '', bucket),
    }));
    return { widthSeconds, buckets };
  }
}

function nothing(): HistoryFigures {
  return { succeeded: 0, otherwise: 0, credits: 0, refused: 0, noticed: 0, lateMs: 0 };
}

/** None of a bucket of an earlier round. */
function figuresIn(text: string, bucket: number): HistoryFigures {
  const [number, ...values] = text.split(' ').map(Number);
  const found = nothing();
  if (number !== bucket) return found;
  for (const [index, figure] of figures.entries()) found[figure] = values[index] ?? 0;
  return found;
}
