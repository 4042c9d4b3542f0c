import { Redis, type RedisOptions } from 'ioredis';
import { withoutCommand } from './reach-redis.js';
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
      return send(command, stream);
    };
    connection.duplicate = ((override?: ConnectionOptions) =>
      this.#create({ ...connection.options, ...override })) as Redis['duplicate'];
    return connection;
  }
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
