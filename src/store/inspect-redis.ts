import type { Redis } from 'ioredis';
import { BatchError } from '../shared/errors.js';

/** BullMQ recommends 6.2 and warns below it; our scripts use its commands. */
const oldestVersion = { major: 6, minor: 2 };

/**
 * Looks whether a Redis can carry the queues and the ledger.
 * What the account may not ask (INFO and CONFIG are often forbidden on managed services) is left unsaid.
 * @returns sentences for the person, for what works but can lose data.
 * @throws BatchError `redis_unsuitable` for what cannot work.
 */
export async function inspectRedis(client: Redis, where: string): Promise<string[]> {
  const facts = parseInfo(await answerOf(client.info()));
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
      `Redis at ${where} keeps nothing on disk: a restart loses the batches. Set appendonly yes.`,
    );
  }
  return warnings;
}

/** How many keys a Redis has deleted to make room, where it does such a thing; null where it does not, or does not say. */
export async function readEvictions(
  client: Redis,
): Promise<{ policy: string; keys: number } | null> {
  const facts = parseInfo(await answerOf(client.info()));
  const policy = facts.get('maxmemory_policy');
  if (policy === undefined || policy === 'noeviction') return null;
  return { policy, keys: Number(facts.get('evicted_keys') ?? 0) };
}

/** What is to be said where Redis does not know any more what it was told. */
export async function explainLoss(client: Redis, batch: string): Promise<BatchError> {
  const evictions = await readEvictions(client);
  const cause =
    evictions !== null && evictions.keys > 0
      ? `its maxmemory-policy is ${evictions.policy}, and it has deleted ${evictions.keys} keys to make room. Set it to noeviction`
      : 'it was emptied, another one has taken its place, or somebody has deleted the batch. Look which';
  return new BatchError(
    'state_lost',
    `Redis has lost what it knew of batch ${batch}: ${cause}; then the same command goes on from what is in its folder, and pays for nothing twice. Nothing more is sent until then.`,
  );
}

export interface RedisMemory {
  usedBytes: number;
  /** Its own limit, or all the machine has where none is set. */
  mostBytes: number;
}

/** Null where the account may not ask. */
export async function readMemory(client: Redis): Promise<RedisMemory | null> {
  const facts = parseInfo(await answerOf(client.info('memory')));
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

async function answerOf<T>(question: Promise<T>): Promise<T | null> {
  try {
    return await question;
  } catch {
    // Forbidden or unknown there: no warning rather than a failure. A lost connection shows in the next step.
    return null;
  }
}

function parseInfo(text: string | null): Map<string, string> {
  const facts = new Map<string, string>();
  for (const line of (text ?? '').split(/\r?\n/)) {
    const at = line.indexOf(':');
    if (at > 0) facts.set(line.slice(0, at), line.slice(at + 1));
  }
  return facts;
}
