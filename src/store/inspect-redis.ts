import type { Redis } from 'ioredis';
import { BatchError } from '../shared/errors.js';
import { answerOf, readRedisFacts } from '../shared/redis-facts.js';

/** BullMQ recommends 6.2 and warns below it; our scripts use its commands. */
const oldestVersion = { major: 6, minor: 2 };

/**
 * Looks whether a Redis can carry the queues and the ledger.
 * What the account may not ask (INFO and CONFIG are often forbidden on managed services) is left unsaid.
 * @returns sentences for the person, for what works but can lose data.
 * @throws BatchError `redis_unsuitable` for what cannot work.
 */
export async function inspectRedis(client: Redis, where: string): Promise<string[]> {
  const facts = await readRedisFacts(client);
  const obstacle = findObstacle(facts);
  if (obstacle !== null) {
    throw new BatchError('redis_unsuitable', `Redis at ${where} cannot be used: ${obstacle}.`);
  }
  const warnings: string[] = [];
  const policy = facts.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    warnings.push(
      `Redis at ${where} has maxmemory-policy ${policy}: when its memory is full it deletes jobs and what is known of paid work. Set it to noeviction.`,
    );
  }
  if (facts.get('aof_enabled') === '0' && (await hasSnapshots(client)) === 'no') {
    warnings.push(
      `Redis at ${where} keeps nothing on disk: a restart loses the batches. Set its appendonly to yes.`,
    );
  }
  return warnings;
}

export interface RedisMemory {
  usedBytes: number;
  /** Its own limit, or all the machine has where none is set. */
  mostBytes: number;
}

/** Null where the account may not ask. */
export async function readMemory(client: Redis): Promise<RedisMemory | null> {
  const facts = await readRedisFacts(client, 'memory');
  const [used, limit, machine] = ['used_memory', 'maxmemory', 'total_system_memory'].map((name) =>
    Number(facts.get(name) ?? 0),
  );
  const mostBytes = limit || machine;
  return used && mostBytes ? { usedBytes: used, mostBytes } : null;
}

function findObstacle(facts: Map<string, string>): string | null {
  const version = facts.get('redis_version');
  if (version !== undefined && isTooOld(version)) {
    return `it is version ${version}, and ${oldestVersion.major}.${oldestVersion.minor} or newer is needed`;
  }
  if (facts.get('cluster_enabled') === '1') {
    return 'it is a node of a Redis Cluster; one without cluster mode is needed';
  }
  if (facts.get('role') === 'slave' && facts.get('slave_read_only') === '1') {
    return "it is a read-only replica; give the primary's address";
  }
  return null;
}

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major !== oldestVersion.major) return major < oldestVersion.major;
  return minor < oldestVersion.minor;
}

async function hasSnapshots(client: Redis): Promise<'yes' | 'no' | 'unknown'> {
  const reply = await answerOf(client.config('GET', 'save'));
  if (!Array.isArray(reply) || reply.length < 2) return 'unknown';
  return reply[1] === '' ? 'no' : 'yes';
}
