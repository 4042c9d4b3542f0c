import type { Redis } from 'ioredis';
import { type ConnectionChange, ConnectionWatch } from './connection-watch.js';
import type { RedisAddress } from './redis-address.js';
import { StoreConnections } from './store-connections.js';
import { connectionName } from './store-name.js';

export interface RedisStoreParts {
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
export class RedisStore {
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
