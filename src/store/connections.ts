import { setTimeout as delay } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import { BatchError } from '../shared/errors.js';
import { isRefusal, withoutCommand } from './reach-redis.js';
import type { RedisAddress } from './redis-address.js';

/** Replies stay in the shapes of RESP2, which BullMQ and our scripts expect. */
type ConnectionOptions = Omit<RedisOptions, 'replyMapping'>;

const firstBackoffMs = 50;
const longestBackoffMs = 2_000;
/**
 * A command without any answer for this long means a dead line (a pulled cable sends no FIN).
 * BullMQ's longest blocking read takes 10 s.
 */
const silenceMs = 30_000;

/**
 * The connections of one process to one Redis. They reconnect for ever, and commands wait meanwhile.
 * Duplicates made from them (BullMQ makes one for each worker's blocking read) belong here too, so that
 * none is left behind, and none lacks an error listener.
 */
export class StoreConnections {
  readonly #open = new Set<Redis>();

  constructor(private readonly address: RedisAddress) {}

  open(connectionName: string): Redis {
    return this.#create({
      ...this.address.options,
      connectionName,
      maxRetriesPerRequest: null,
      retryStrategy: backoffMs,
      connectTimeout: 4_000,
      disconnectTimeout: 500,
      maxLoadingRetryTime: 500,
      socketTimeout: silenceMs,
      disableClientInfo: true,
      // After a failover a managed service turns the old primary into a replica without closing connections;
      // 2 means: reconnect (to the new primary, by name) and send the command again.
      reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
    });
  }

  /** Ends all of them; commands still waiting for an answer are rejected. */
  async endAll(): Promise<void> {
    await Promise.all([...this.#open].map(endConnection));
  }

  #create(options: ConnectionOptions): Redis {
    const connection = new Redis(options);
    this.#open.add(connection);
    // BullMQ ends and reconnects its blocking connection when a worker pauses and resumes.
    connection.on('connecting', () => this.#open.add(connection));
    connection.on('end', () => this.#open.delete(connection));
    // The first listener: later ones, BullMQ's among them, get the error without the login in it (S8).
    connection.on('error', withoutCommand);
    const send = connection.sendCommand.bind(connection);
    connection.sendCommand = (command, stream) => {
      // Before anybody else hears of it: handlers of a promise are called in their order.
      command.promise.catch(withoutCommand);
      writeTogether(connection);
      return send(command, stream);
    };
    connection.duplicate = ((override?: ConnectionOptions) =>
      this.#create({ ...connection.options, ...override })) as Redis['duplicate'];
    return connection;
  }
}

/** Commands of one moment leave in one write: each by itself would cost a call of the system. */
function writeTogether({ stream }: Redis): void {
  if (!stream || stream.writableCorked > 0) return;
  stream.cork();
  setImmediate(() => stream.uncork());
}

function backoffMs(times: number): number {
  return Math.min(firstBackoffMs * 2 ** Math.min(times - 1, 10), longestBackoffMs);
}

function endConnection(connection: Redis): Promise<void> {
  if (connection.status === 'end') return Promise.resolve();
  const ended = new Promise<void>((resolve) => {
    connection.once('end', () => resolve());
  });
  if (connection.status === 'reconnecting') {
    // Between two attempts `disconnect()` only stops the timer: no `end`, and commands in the queue wait for
    // ever. An attempt that is called off in the same tick ends properly, without touching the network.
    connection.connect().catch(() => 'called off on purpose');
  }
  connection.disconnect();
  return ended;
}

/** What a process should say about its Redis: each outage makes one `lost`, then one `back`. */
export type ConnectionChange =
  | { state: 'lost'; reason: string }
  /** The private Redis could not be started again; at most once in an outage, further attempts go on. */
  | { state: 'restart_failed'; error: BatchError }
  | { state: 'back' };

const firstReadyWithinMs = 5_000;
const pingEveryMs = 15_000;
const firstPauseMs = 500;
const longestPauseMs = 30_000;

/**
 * Follows one connection on behalf of all: it is idle but for a ping, so what happens to it happens to
 * Redis or the line, not to one command.
 */
export class ConnectionWatch {
  readonly #listeners = new Set<(change: ConnectionChange) => void>();
  readonly #stopping = new AbortController();
  #state: 'opening' | 'connected' | 'lost' = 'opening';
  #lastError: Error | null = null;
  #restarting: Promise<void> | null = null;
  #failedRestarts = 0;

  /** @param restart starts Redis again when nobody listens at its address; null where that is not ours to do. */
  constructor(
    private readonly connection: Redis,
    private readonly restart: (() => Promise<void>) | null,
  ) {
    connection.on('close', () => this.#lost());
    connection.on('ready', () => this.#back());
    connection.on('error', (error) => this.#failed(error));
    const ping = setInterval(() => this.#ping(), pingEveryMs);
    ping.unref();
    this.#stopping.signal.addEventListener('abort', () => clearInterval(ping));
  }

  /**
   * Resolves when Redis has answered on this connection.
   * @throws BatchError `redis_unreachable` when it went away since it was tried.
   */
  async firstReady(): Promise<void> {
    const guard = new AbortController();
    const ready = new Promise<'ready'>((resolve) => {
      this.connection.once('ready', () => resolve('ready'));
    });
    const tooLate = delay(firstReadyWithinMs, 'too late', { signal: guard.signal }).catch(
      () => 'not needed',
    );
    const outcome = await Promise.race([ready, tooLate]);
    guard.abort();
    if (outcome === 'ready') return;
    const reason = this.#lastError?.message || 'no answer';
    throw new BatchError('redis_unreachable', `Redis went away while connecting: ${reason}.`, {
      cause: this.#lastError,
    });
  }

  /** @returns a function that takes the listener off again. */
  subscribe(listener: (change: ConnectionChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** No change is told afterwards; waits for a restart that is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#restarting;
  }

  #ping(): void {
    // A lost connection keeps its commands: one ping would be queued every 15 s of an outage.
    if (this.#state !== 'connected') return;
    this.connection.ping().catch((error: Error) => {
      this.#lastError = error;
    });
  }

  #lost(): void {
    if (this.#state !== 'connected') return;
    this.#state = 'lost';
    this.#tell({ state: 'lost', reason: this.#lastError?.message || 'the connection was closed' });
  }

  #back(): void {
    this.#lastError = null;
    this.#failedRestarts = 0;
    const before = this.#state;
    this.#state = 'connected';
    if (before === 'lost') this.#tell({ state: 'back' });
  }

  #failed(error: Error): void {
    this.#lastError = error;
    const { restart } = this;
    // While the store is being opened its opener holds the lock that a restart would wait for.
    if (restart === null || this.#state !== 'lost' || !isRefusal(error)) return;
    if (this.#stopping.signal.aborted) return;
    this.#restarting ??= this.#tryRestart(restart).finally(() => {
      this.#restarting = null;
    });
  }

  async #tryRestart(restart: () => Promise<void>): Promise<void> {
    try {
      await restart();
    } catch (cause) {
      this.#failedRestarts += 1;
      if (this.#failedRestarts === 1)
        this.#tell({ state: 'restart_failed', error: asError(cause) });
      // The connection goes on knocking every 2 s; starting a program that often would help nobody.
      const pauseMs = Math.min(firstPauseMs * 2 ** this.#failedRestarts, longestPauseMs);
      await delay(pauseMs, undefined, { signal: this.#stopping.signal, ref: false }).catch(
        () => 'stopped meanwhile',
      );
    }
  }

  #tell(change: ConnectionChange): void {
    if (this.#stopping.signal.aborted) return;
    for (const listener of this.#listeners) listener(change);
  }
}

function asError(cause: unknown): BatchError {
  if (cause instanceof BatchError) return cause;
  return new BatchError('redis_unreachable', `The private Redis did not start again: ${cause}`, {
    cause,
  });
}
