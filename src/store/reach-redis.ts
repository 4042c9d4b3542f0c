import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { BatchError } from '../shared/errors.js';
import type { RedisAddress } from './redis-address.js';

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
  const text = reasonOf(error);
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

const reasons: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOENT: 'there is no such socket',
  EACCES: 'this user may not use the socket',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'there was no connection in time',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
};

function reasonOf(error: unknown): string {
  const code = systemCode(error);
  const reason = reasons[code];
  if (reason !== undefined) return `${reason} (${code})`;
  // With several addresses for one host, Node's error has a code and no message.
  return (error instanceof Error && error.message.replace(/\.$/, '')) || code;
}

function hint(address: RedisAddress, error: unknown): string {
  if (isRefusal(error) || systemCode(error) === 'ENOTFOUND') {
    return ' Start that Redis, or correct REDIS_URL; without REDIS_URL a private one is started.';
  }
  if (address.options.path !== undefined) return '';
  return address.options.tls
    ? ' Check that it uses TLS, and that its certificate is known here (NODE_EXTRA_CA_CERTS=/path/to/ca.pem).'
    : ' If it expects TLS, write rediss:// instead of redis://.';
}

/** What Redis itself says no to, and what a person can do about it. */
const remedies: [answer: RegExp, remedy: string][] = [
  [
    /^NOPERM/,
    'the user in REDIS_URL lacks a right. It needs all commands but the dangerous ones, INFO, all channels, and the keys that begin with RIVYA_BATCH_PREFIX (default: rivya-batch)',
  ],
  [
    /^OOM/,
    'its memory is full. Give it more, or forget finished batches; then give the same command again',
  ],
  [/^MISCONF/, 'it cannot save to its disk. Make room there, then give the same command again'],
  [/^READONLY/, "it is a read-only replica now. Give the primary's address, or wait for it"],
];

/** Null where it is no answer of Redis, or one that no person can do anything about. */
export function explainReply(error: unknown): BatchError | null {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return null;
  const found = remedies.find(([answer]) => answer.test(error.message));
  if (!found) return null;
  const message = `Redis refuses (${error.message}): ${found[1]}.`;
  return new BatchError('redis_unsuitable', message, { cause: error });
}

/** The code that Node puts on errors of the system (`ECONNREFUSED`, `ENOENT`); empty where there is none. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
