import { randomBytes } from 'node:crypto';
import type { RedisOptions } from 'ioredis';
import { BatchError } from '../shared/errors.js';

type AddressOptions = Pick<
  RedisOptions,
  'host' | 'port' | 'path' | 'family' | 'db' | 'username' | 'password' | 'tls'
>;

/** Where a Redis is and how to log in. */
export interface RedisAddress {
  /** For people and logs: without user and password (S8). */
  where: string;
  /** Host or socket path, login, database number, TLS: secrets included, never to be printed. */
  options: AddressOptions;
}

/** A Redis on this machine without a login: the private one. */
export function socketAddress(path: string): RedisAddress {
  return { where: path, options: { path } };
}

/**
 * Reads `redis://`, `rediss://`, `unix://` or the plain path of a socket.
 * @throws BatchError `bad_configuration`; its message never repeats the text, which may hold a password.
 */
export function parseRedisAddress(text: string): RedisAddress {
  if (/^\.{0,2}\//.test(text)) return parseSocket('', text);
  const unix = /^unix:\/\/(?:([^@/]*)@)?(\/.*)$/i.exec(text);
  if (unix) return parseSocket(unix[1] ?? '', unix[2] ?? '');
  if (/^rediss?:\/\//i.test(text)) return parseNetworkUrl(text);
  throw invalid(
    'it must start with redis://, rediss:// or unix://, or be the path of a Unix socket',
  );
}

function parseSocket(login: string, pathAndQuery: string): RedisAddress {
  const [path = '', query = ''] = splitOnce(pathAndQuery, '?');
  const parameters = new URLSearchParams(query);
  const [username = '', password = ''] = splitOnce(login, ':');
  return {
    where: path,
    options: {
      path,
      ...loginOptions(
        decode(username) || (parameters.get('username') ?? ''),
        decode(password) || (parameters.get('password') ?? ''),
      ),
      db: parseDatabase(parameters.get('db') ?? ''),
    },
  };
}

function parseNetworkUrl(text: string): RedisAddress {
  if (!URL.canParse(text)) {
    throw invalid(
      'it is not a URL (characters such as # / ? @ in a password are written as %23 …)',
    );
  }
  const url = new URL(text);
  const host = url.hostname.replace(/^\[|\]$/g, '') || 'localhost';
  const port = url.port === '' ? 6379 : Number(url.port);
  const db = parseDatabase(url.pathname.slice(1) || (url.searchParams.get('db') ?? ''));
  const family = Number(url.searchParams.get('family') ?? '0');
  return {
    where: `${url.protocol}//${host.includes(':') ? `[${host}]` : host}:${port}/${db}`,
    options: {
      host,
      port,
      db,
      // Some hosts' private networks are IPv6 only and document `?family=`.
      family: family === 4 || family === 6 ? family : 0,
      ...loginOptions(decode(url.username), decode(url.password)),
      ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
    },
  };
}

function loginOptions(username: string, password: string): AddressOptions {
  return {
    ...(username === '' ? {} : { username }),
    ...(username === '' && password === '' ? {} : { password }),
  };
}

function parseDatabase(text: string): number {
  if (text === '') return 0;
  if (!/^\d{1,5}$/.test(text)) throw invalid('the database after the host must be a number');
  return Number(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not passed on as the cause: it would carry a piece of the password (S8).
    throw invalid('a % in the user or password must be written as %25');
  }
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

function invalid(reason: string): BatchError {
  return new BatchError('bad_configuration', `REDIS_URL cannot be read: ${reason}.`);
}

const prefix = 'rivya-batch';

/** One store's mark on its connections in `CLIENT LIST`; the process number is for people who look there. */
export function newStoreId(): string {
  return `${prefix}:${process.pid}-${randomBytes(6).toString('hex')}`;
}

/** Redis allows printable characters without spaces in a connection's name. */
export function connectionName(storeId: string, name: string): string {
  return `${storeId}:${name.replace(/[^\x21-\x7e]/g, '_')}`;
}

/**
 * Whether a `CLIENT LIST` shows a connection of another store. Connections that BullMQ made carry names of
 * its own and do not count; every store keeps one under its own name.
 */
export function namesOthers(clientList: string, storeId: string): boolean {
  for (const [, name = ''] of clientList.matchAll(/(?:^| )name=(\S*)/gm)) {
    if (name.startsWith(`${prefix}:`) && !name.startsWith(`${storeId}:`)) return true;
  }
  return false;
}
