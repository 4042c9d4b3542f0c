import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { type ConnectionChange, ConnectionWatch, StoreConnections } from './connections.js';
import { inspectRedis } from './inspect-redis.js';
import {
  choosePaths,
  type Machine,
  type PrivatePaths,
  prepareHome,
  thisMachine,
  withHomeLock,
} from './private/home.js';
import { isListening, joinOrStart, shutDownIfUnused } from './private/private-redis.js';
import { missingRedisError } from './private/start-redis.js';
import { reachRedis } from './reach-redis.js';
import {
  connectionName,
  newStoreId,
  parseRedisAddress,
  type RedisAddress,
  socketAddress,
} from './redis-address.js';

/** A server that is killed in the moment of opening is started again; one that dies each time is not. */
const mostAttempts = 3;

export interface StoreOptions {
  /** `redis://`, `rediss://`, `unix://` or a socket's path; null: the private Redis. */
  redisUrl: string | null;
  /** RIVYA_BATCH_HOME, absolute or relative to the current folder. */
  home: string;
}

/** One process's way to Redis: hands out connections and closes them all. */
export interface Store {
  kind: 'private' | 'url';
  /** For people: the URL without user and password, or the socket's path. */
  where: string;
  /** Sentences that the person should read, such as a policy that deletes jobs. */
  warnings: string[];
  /**
   * A new connection with `maxRetriesPerRequest: null`, an error listener attached, reconnecting for ever;
   * commands wait while Redis is away. `duplicate()` of it (BullMQ calls it) is looked after in the same way.
   */
  connect(name: string): Redis;
  /** Told once per outage, and once when it is over. Returns a function that unsubscribes. */
  onConnectionChange(listener: (change: ConnectionChange) => void): () => void;
  /**
   * Ends all connections, and shuts the private Redis down when nobody else uses it. May be called twice.
   * Close BullMQ's workers and queues first: commands that still wait are rejected.
   */
  close(): Promise<void>;
}

/**
 * Connects to the Redis of `redisUrl`, or finds, starts and shares the private one.
 * @throws BatchError `redis_unreachable` (within about 5 s where nobody answers), `redis_unsuitable`,
 * `redis_missing`, `bad_configuration`; never with credentials in it.
 */
export async function openStore(
  options: StoreOptions,
  machine: Machine = thisMachine(),
): Promise<Store> {
  if (options.redisUrl) return openUrl(options.redisUrl);
  return openPrivate(options.home, machine);
}

/**
 * A connection to a Redis that is there already: none is started for it, and none is kept from ending by it. Null where
 * none answers. The caller ends it with `disconnect()`.
 */
export async function joinRunning(
  { redisUrl, home }: StoreOptions,
  machine: Machine = thisMachine(),
): Promise<Redis | null> {
  const address = redisUrl ? parseRedisAddress(redisUrl) : await privateAddress(home, machine);
  if (address === null) return null;
  // Not by the name of a store: whoever leaves last shuts the private Redis down.
  const reached = await reachRedis(address, 'onlooker');
  return reached.state === 'ready' ? reached.client : null;
}

/** Null for a home in which no Redis was ever started. */
async function privateAddress(home: string, machine: Machine): Promise<RedisAddress | null> {
  const folder = await realpath(home).catch(() => null);
  if (folder === null || (await stat(join(folder, 'redis')).catch(() => null)) === null)
    return null;
  const { socketPath } = await withHomeLock(folder, () => choosePaths(folder, machine));
  return socketAddress(socketPath);
}

async function openUrl(redisUrl: string): Promise<Store> {
  const address = parseRedisAddress(redisUrl);
  const id = newStoreId();
  const reached = await reachRedis(address, connectionName(id, 'open'));
  if (reached.state !== 'ready') throw reached.error;
  try {
    const warnings = await inspectRedis(reached.client, address.where);
    return await RedisStore.open({
      kind: 'url',
      id,
      address,
      warnings,
      restart: null,
      leave: () => Promise.resolve(),
    });
  } finally {
    reached.client.disconnect();
  }
}

async function openPrivate(home: string, machine: Machine): Promise<Store> {
  if (machine.platform === 'win32') throw missingRedisError(machine);
  const folder = await prepareHome(home);
  return withHomeLock(folder, async () => {
    const paths = await choosePaths(folder, machine);
    for (let attempt = 1; ; attempt += 1) {
      const store = await openAt(paths, machine, attempt);
      if (store !== null) return store;
    }
  });
}

/** @returns null when the server died meanwhile and another attempt is due. */
async function openAt(
  paths: PrivatePaths,
  machine: Machine,
  attempt: number,
): Promise<Store | null> {
  const id = newStoreId();
  const client = await joinOrStart(paths, machine, connectionName(id, 'open'));
  try {
    return await openOn(client, { id, paths, machine });
  } catch (error) {
    if (attempt < mostAttempts && !(await isListening(paths))) return null;
    await shutDownIfUnused(paths, id);
    throw error;
  } finally {
    client.disconnect();
  }
}

async function openOn(
  client: Redis,
  { id, paths, machine }: { id: string; paths: PrivatePaths; machine: Machine },
): Promise<Store> {
  const address = socketAddress(paths.socketPath);
  const warnings = await inspectRedis(client, address.where);
  const restart = async () => {
    const server = await joinOrStart(paths, machine, connectionName(id, 'restart'));
    server.disconnect();
  };
  return RedisStore.open({
    kind: 'private',
    id,
    address,
    warnings,
    restart: () => withHomeLock(paths.folder, restart),
    leave: () => withHomeLock(paths.folder, () => shutDownIfUnused(paths, id)),
  });
}

interface RedisStoreParts {
  kind: 'private' | 'url';
  id: string;
  address: RedisAddress;
  warnings: string[];
  /** Starts Redis again where that is ours to do. */
  restart: (() => Promise<void>) | null;
  /** What remains to be done when all connections have ended. */
  leave: () => Promise<void>;
}

/** The open store behind both kinds of Redis; the contract is `Store` in `open-store.ts`. */
class RedisStore {
  readonly kind: 'private' | 'url';
  readonly where: string;
  readonly warnings: string[];
  readonly #parts: RedisStoreParts;
  readonly #connections: StoreConnections;
  readonly #watch: ConnectionWatch;
  #closing: Promise<void> | null = null;

  private constructor(parts: RedisStoreParts) {
    this.kind = parts.kind;
    this.where = parts.address.where;
    this.warnings = parts.warnings;
    this.#parts = parts;
    this.#connections = new StoreConnections(parts.address);
    this.#watch = new ConnectionWatch(this.connect('watch'), parts.restart);
  }

  /** Resolves when Redis knows this store by name, so that no other process takes itself for the last one. */
  static async open(parts: RedisStoreParts): Promise<RedisStore> {
    const store = new RedisStore(parts);
    try {
      await store.#watch.firstReady();
      return store;
    } catch (error) {
      await store.#endConnections();
      throw error;
    }
  }

  connect(name: string): Redis {
    return this.#connections.open(connectionName(this.#parts.id, name));
  }

  onConnectionChange(listener: (change: ConnectionChange) => void): () => void {
    return this.#watch.subscribe(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeNow();
    return this.#closing;
  }

  async #closeNow(): Promise<void> {
    await this.#endConnections();
    await this.#parts.leave();
  }

  async #endConnections(): Promise<void> {
    await this.#watch.stop();
    await this.#connections.endAll();
  }
}
