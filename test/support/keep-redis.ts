import type { Redis } from 'ioredis';

/**
 * Keeps what Redis has under a prefix.
 * @returns puts all of that back as it was, and cuts the line of everybody else, or of one connection alone: for them it
 * has gone back in time
 */
export async function keepRedis(
  redis: Redis,
  prefix: string,
  victim?: Redis,
): Promise<() => Promise<void>> {
  const kept = new Map<string, Buffer>();
  for (const key of await redis.keys(`${prefix}*`)) {
    const value = await redis.dumpBuffer(key);
    if (value !== null) kept.set(key, value);
  }
  const victimId = victim && String(await victim.client('ID'));
  return async () => {
    const back = redis.multi();
    for (const key of await redis.keys(`${prefix}*`)) back.unlink(key);
    for (const [key, value] of kept) back.restore(key, 0, value);
    if (victimId) back.client('KILL', 'ID', victimId);
    else for (const type of ['normal', 'pubsub']) back.call('CLIENT', 'KILL', 'TYPE', type);
    await back.exec();
  };
}
