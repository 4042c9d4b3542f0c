import type { Redis } from 'ioredis';
import { BatchError } from '../shared/errors.js';
import { readRedisFacts } from '../shared/redis-facts.js';

/** How many keys a Redis has deleted to make room, where it does such a thing; null where it does not, or does not say. */
export async function readEvictions(
  client: Redis,
): Promise<{ policy: string; keys: number } | null> {
  const facts = await readRedisFacts(client);
  const policy = facts.get('maxmemory_policy');
  if (policy === undefined || policy === 'noeviction') return null;
  return { policy, keys: Number(facts.get('evicted_keys') ?? 0) };
}

/** What is to be said where Redis does not know any more what it was told. */
export async function explainLoss(client: Redis, batch: string): Promise<BatchError> {
  const evictions = await readEvictions(client);
  const cause =
    evictions !== null && evictions.keys > 0
      ? `its maxmemory-policy is ${evictions.policy}, and it has deleted ${evictions.keys} keys to make room. Set the policy to noeviction`
      : 'it was emptied, it was replaced by another Redis, or somebody has deleted the batch. Find out which';
  return new BatchError(
    'state_lost',
    `Redis has lost what it knew of batch ${batch}: ${cause}; then the same command continues from what is in its folder, and nothing is paid twice. Nothing more is sent until then.`,
  );
}
