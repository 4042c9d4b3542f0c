import type { Redis } from 'ioredis';
import { scheduleOwnersKey } from '../ledger/keys.js';
import type { ScheduleOwner } from './schedule-ledger.js';

/** All that ever had a schedule, the same ones always in the same order; some may have none any more. */
export async function scheduleOwners(redis: Redis, prefix: string): Promise<ScheduleOwner[]> {
  const origins = Object.entries(await redis.hgetall(scheduleOwnersKey(prefix)));
  return origins.sort().map(([account, origin]) => ({ account, origin }));
}
