import type { Redis } from 'ioredis';
import { BatchError } from '../../shared/errors.js';
import { explainReply } from '../../shared/store/explain-reply.js';
import { readMemory } from '../../shared/store/inspect-redis.js';
import { openStore, type Store } from '../../shared/store/open-store.js';
import type { Settings } from '../environment.js';
import { checkClock } from './check-clock.js';
import type { Finding } from './finding.js';

const subject = 'Redis';
/** Measured: 1,800 bytes once admitted, with a prompt of 150 characters; somewhat more while it is under way. */
const briefBytes = 3_000;
const fewBriefs = 25_000;

export async function checkRedis({ redisUrl, home, prefix }: Settings): Promise<Finding[]> {
  try {
    const store = await openStore({ redisUrl, home });
    try {
      return await findingsOf(store, prefix);
    } finally {
      await store.close();
    }
  } catch (error) {
    const known = error instanceof BatchError ? error : explainReply(error);
    if (!known) throw error;
    return [{ subject, level: 'error', text: known.message }];
  }
}

async function findingsOf(store: Store, prefix: string): Promise<Finding[]> {
  const kind = store.kind === 'private' ? 'private Redis' : 'Redis';
  const redis = store.connect('doctor');
  await tryScript(redis, prefix);
  return [
    { subject, level: 'ok', text: `${kind} at ${store.where}` },
    ...store.warnings.map((text): Finding => ({ subject, level: 'warning', text })),
    ...(await checkMemory(redis)),
    checkClock('Redis', await aheadOf(redis)),
  ];
}

/** What all our work is done with: a script that writes a key of ours; a user of Redis may not be allowed to. */
async function tryScript(redis: Redis, prefix: string): Promise<void> {
  const key = `${prefix}:doctor`;
  await redis.eval("redis.call('SET', KEYS[1], '1') return redis.call('DEL', KEYS[1])", 1, key);
}

async function aheadOf(redis: Redis): Promise<number> {
  const [seconds = 0, microseconds = 0] = (await redis.time()).map(Number);
  return Date.now() - (seconds * 1000 + microseconds / 1000);
}

async function checkMemory(redis: Redis): Promise<Finding[]> {
  const memory = await readMemory(redis);
  if (memory === null) return [];
  const leftBytes = Math.max(0, memory.mostBytes - memory.usedBytes);
  const briefs = Math.floor(leftBytes / briefBytes);
  const left = `${megabytes(leftBytes)} of ${megabytes(memory.mostBytes)} left`;
  const room = `room for about ${roughly(briefs)} more briefs`;
  if (briefs >= fewBriefs) return [{ subject: 'Memory', level: 'ok', text: `${left}: ${room}` }];
  const text = `${left}: ${room}. Give Redis more memory, or forget finished batches`;
  return [{ subject: 'Memory', level: 'warning', text }];
}

function megabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}

/** Two digits: more would be a promise. */
function roughly(count: number): string {
  return Number(count.toPrecision(2)).toLocaleString('en');
}
