import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { AccountKeys } from './keys.js';
import { runScript } from './scripts.js';

/** Between half of it and all of it is remembered: enough for the shape, and soon forgotten when the API changes. */
const mostTasks = 600;
/** A kind that nobody asks for any more leaves nothing behind. */
const lifeMs = 30 * 24 * 3_600_000;

/** A round trip for each task would cost more than it teaches; so much of it is lost with a process. */
const gatherMs = 1_000;

/** How long past tasks took, by name (a kind or a model), shared by all machines of one account. */
export class DurationLedger {
  /** Name -> bucket -> tasks. */
  private readonly gathered = new Map<string, Map<number, number>>();
  private telling: Promise<void> | null = null;

  constructor(
    private readonly redis: Redis,
    private readonly keys: Pick<AccountKeys, 'durations'>,
  ) {}

  /** Counts one finished task under each name, soon, together with those that follow it. */
  note(names: readonly string[], durationMs: number): Promise<void> {
    const bucket = bucketOf(durationMs);
    for (const name of names) {
      const counts = this.gathered.get(name) ?? new Map<number, number>();
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
      this.gathered.set(name, counts);
    }
    this.telling ??= sleep(gatherMs, undefined, { ref: false }).then(() => this.tell());
    return this.telling;
  }

  /** Counts what was gathered now. */
  async tell(): Promise<void> {
    const gathered = [...this.gathered];
    this.gathered.clear();
    this.telling = null;
    await Promise.all(
      gathered.map(([name, counts]) =>
        runScript(this.redis, 'note-durations', {
          keys: [this.keys.durations + name],
          values: [...[mostTasks * unitsPerTask, lifeMs, unitsPerTask], ...[...counts].flat()],
        }),
      ),
    );
  }

  /** Empty where nothing is known of a name. */
  async read(name: string): Promise<DurationSketch> {
    return readSketch(await this.redis.hgetall(this.keys.durations + name));
  }
}

/** Eight buckets a doubling: neighbours lie 9 % apart, finer than any two runs of one model agree. */
export const bucketsPerDoubling = 8;
const shortestMs = 250;
const longestMs = 4 * 3_600_000;

/** About 16 doublings: however long its history, a sketch never has more fields than this. */
export const bucketCount = Math.ceil(bucketsPerDoubling * Math.log2(longestMs / shortestMs));

/** What one task counts for: halving turns one old task into half a task before it forgets it. */
const unitsPerTask = 16;

/**
 * How long past tasks of one kind took, as counts of log-spaced buckets. Old tasks weigh less: see
 * `lua/note-duration.lua`.
 */
export interface DurationSketch {
  /** Changes with every task that is counted. */
  version: number;
  /** Tasks by bucket, as fractions where they have faded; `bucketCount` long. */
  tasks: readonly number[];
  /** Their sum. */
  total: number;
}

/** The place of a duration on the scale of buckets: whole numbers are where buckets begin. */
export function bucketPosition(durationMs: number): number {
  return bucketsPerDoubling * Math.log2(Math.max(durationMs, shortestMs) / shortestMs);
}

/** Durations outside the scale count in its first or last bucket. */
export function bucketOf(durationMs: number): number {
  return Math.min(bucketCount - 1, Math.floor(bucketPosition(durationMs)));
}

/** Where a position lies in time, in ms: the inverse of `bucketPosition`. */
export function positionMs(position: number): number {
  return shortestMs * 2 ** (position / bucketsPerDoubling);
}

/** A sketch from the fields of its hash; what is not a bucket of ours is left aside. */
export function readSketch(fields: Record<string, string>): DurationSketch {
  const tasks = Array.from({ length: bucketCount }, (_, bucket) => {
    const units = Number(fields[bucket] ?? 0);
    return units > 0 ? units / unitsPerTask : 0;
  });
  const total = tasks.reduce((sum, count) => sum + count, 0);
  return { version: Number(fields.version ?? 0), tasks, total };
}

/** The duration within which this share of the tasks ended, in ms; null of a sketch that counted none. */
export function durationAt({ tasks, total }: DurationSketch, share: number): number | null {
  if (total === 0) return null;
  let before = 0;
  for (const [bucket, count] of tasks.entries()) {
    if (count > 0 && before + count >= share * total) {
      return positionMs(bucket + (share * total - before) / count);
    }
    before += count;
  }
  return positionMs(bucketCount);
}

/** From a task's end to the check that finds it, roughly. */
const noticeMs = 2_500;

/** How long a task like those of a sketch holds its place in flight, in ms; null of a sketch that counted none. */
export function typicalTaskMs(sketch: DurationSketch): number | null {
  const medianMs = durationAt(sketch, 0.5);
  return medianMs === null ? null : medianMs + noticeMs;
}
