import { bucketWidths } from '../shared/time-buckets.js';

/**
 * `rate`: 429, too many requests; `places`: 429, too many unfinished tasks; `other`: whatever else the API had against a
 * request.
 */
export type CountedRefusal = 'rate' | 'places' | 'other';

/** How many requests of a batch the API refused within a bucket of time. */
export interface RefusalBucket extends Record<CountedRefusal, number> {
  /** Seconds since the epoch. */
  from: number;
  /** Width, in seconds. */
  seconds: number;
}

/** What `lua/count-refusal.lua` has counted; fields that it did not write are left aside. */
export function readRefusals(fields: Record<string, string>): RefusalBucket[] {
  const seconds = bucketWidths[Number(fields.width ?? 1) - 1] ?? 1;
  const buckets = new Map<number, RefusalBucket>();
  for (const [field, count] of Object.entries(fields)) {
    const [, from, kind] = /^(\d+) (rate|places|other)$/.exec(field) ?? [];
    if (from === undefined) continue;
    const first = Number(from);
    const bucket = buckets.get(first) ?? { from: first, seconds, rate: 0, places: 0, other: 0 };
    buckets.set(first, bucket);
    bucket[kind as CountedRefusal] += Number(count);
  }
  return [...buckets.values()].sort((left, right) => left.from - right.from);
}
