import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { BatchError } from '../errors.js';
import type { RedisAddress } from './redis-address.js';
import { systemCode } from './system-code.js';

/** A wrong address or password shows within this time; a person is waiting at the terminal. */
const answerWithinMs = 5_000;
/** Loading a large append-only file is normal after a restart: some ten seconds for each gigabyte. */
const loadWithinMs = 120_000;
const loadingPauseMs = 100;
/** How long a line that does not answer the goodbye may keep the process alive. */
const lingerMs = 200;

export type Reached =
  /** Connected, logged in and done with loading; the caller ends `client` with `disconnect()`. */
  | { state: 'ready'; client: Redis }
  /** Nobody listens there: for the private Redis an everyday answer. */
  | { state: 'nobody'; error: BatchError }
  | { state: 'failed'; error: BatchError };

/** Tries an address once, within about 5 s (plus the time that Redis spends loading its data, bounded). */
export async function reachRedis(address: RedisAddress, connectionName: string): Promise<Reached> {
  const client = new Redis({
    ...address.options,
    connectionName,
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: answerWithinMs - 500,
    commandTimeout: answerWithinMs,
    disconnectTimeout: lingerMs,
    enableReadyCheck: false,
    disableClientInfo: true,
  });
  try {
    await connectOnce(client);
    await waitUntilLoaded(client);
    return { state: 'ready', client };
  } catch (error) {
    client.disconnect();
    const failure = connectionFailure(address, error);
    return { state: isRefusal(error) ? 'nobody' : 'failed', error: failure };
  }
}

/** True when the connection failed because nobody listens at the address. */
export function isRefusal(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ECONNREFUSED' || code === 'ENOENT';
}

/** Redis repeats the beginning of a command that it does not know. */
const repeatedArguments = /, with args beginning with:[^\n]*/;

/**
 * Takes the command off an error of ioredis: a refused login carries the password in its arguments, the adding of a
 * download the signed URL (S8), and whatever logs the error or its cause would print them.
 */
export function withoutCommand(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  Reflect.deleteProperty(error, 'command');
  if (repeatedArguments.test(error.message)) {
    const { stack } = error;
    error.message = error.message.replace(repeatedArguments, '');
    if (stack !== undefined) error.stack = stack.replace(repeatedArguments, '');
  }
  return error;
}

async function connectOnce(client: Redis): Promise<void> {
  // `connect()` rejects with "Connection is closed."; the reason comes as an event before that.
  let reason: unknown;
  client.on('error', (error) => {
    reason ??= withoutCommand(error);
  });
  const guard = new AbortController();
  const timeout = delay(answerWithinMs, undefined, { signal: guard.signal }).then(
    () => Promise.reject(new Error(`connected, but no answer within ${answerWithinMs / 1000} s`)),
    () => undefined, // aborted: the race is over
  );
  try {
    await Promise.race([client.connect(), timeout]);
  } catch (error) {
    throw reason ?? withoutCommand(error);
  } finally {
    guard.abort();
  }
}

async function waitUntilLoaded(client: Redis): Promise<void> {
  const patience = AbortSignal.timeout(loadWithinMs);
  for (;;) {
    const refusal = await client.ping().then(
      () => null,
      (error: unknown) => error,
    );
    const word = replyWord(refusal);
    // Any other refusal (no permission for PING, a busy script) is an answer too: somebody is there.
    if (refusal === null || (word !== null && word !== 'LOADING' && word !== 'NOAUTH')) return;
    if (word !== 'LOADING') throw refusal;
    if (patience.aborted) throw new Error(`still loading its data after ${loadWithinMs / 1000} s`);
    await delay(loadingPauseMs);
  }
}

/** The first word of an error reply, which is its code in the Redis protocol; null when it is no reply. */
function replyWord(error: unknown): string | null {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return null;
  return error.message.split(' ', 1)[0] ?? null;
}

function connectionFailure(address: RedisAddress, error: unknown): BatchError {
  const cause = withoutCommand(error);
  // With several addresses for one host, Node's error has a code and no message.
  const text = (error instanceof Error && error.message.replace(/\.$/, '')) || systemCode(error);
  const word = replyWord(error);
  if (word === 'WRONGPASS' || word === 'NOAUTH' || word === 'NOPERM') {
    return new BatchError(
      'redis_unreachable',
      `Redis at ${address.where} refuses the login (${text}). Check the user and password in REDIS_URL.`,
      { cause },
    );
  }
  return new BatchError(
    'redis_unreachable',
    `Cannot reach Redis at ${address.where}: ${text}.${hint(address, error)}`,
    { cause },
  );
}

function hint(address: RedisAddress, error: unknown): string {
  if (isRefusal(error) || address.options.path !== undefined || systemCode(error) === 'ENOTFOUND') {
    return '';
  }
  return address.options.tls
    ? ' Does it speak TLS, and is its certificate known here (NODE_EXTRA_CA_CERTS=/path/to/ca.pem)?'
    : ' If it expects TLS, write rediss:// instead of redis://.';
}
