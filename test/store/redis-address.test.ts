import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { parseRedisAddress } from '../../src/store/redis-address.js';

const network = { family: 0 };

test.each([
  ['redis://', 'redis://localhost:6379/0', { ...network, host: 'localhost', port: 6379, db: 0 }],
  [
    'redis://cache:7000/3',
    'redis://cache:7000/3',
    { ...network, host: 'cache', port: 7000, db: 3 },
  ],
  [
    'rediss://me:p%40ss%2F@cache?family=6',
    'rediss://cache:6379/0',
    { host: 'cache', port: 6379, db: 0, family: 6, username: 'me', password: 'p@ss/', tls: {} },
  ],
  [
    'redis://:secret@[::1]:7000',
    'redis://[::1]:7000/0',
    { ...network, host: '::1', port: 7000, db: 0, password: 'secret' },
  ],
  ['/run/redis.sock', '/run/redis.sock', { path: '/run/redis.sock', db: 0 }],
  ['./redis.sock?db=2', './redis.sock', { path: './redis.sock', db: 2 }],
  [
    'unix://:secret@/run/redis.sock?db=1',
    '/run/redis.sock',
    { path: '/run/redis.sock', db: 1, password: 'secret' },
  ],
  [
    'unix:///run/redis.sock?username=me&password=secret',
    '/run/redis.sock',
    { path: '/run/redis.sock', db: 0, username: 'me', password: 'secret' },
  ],
])('%s', (text, where, options) => {
  expect(parseRedisAddress(text)).toEqual({ where, options });
});

test.each([
  'http://user:hunter2@host',
  'redis://user:hunter2#x@host',
  'redis://user:hunter2@host:port',
  'redis://user:hunter2%@host',
  'redis://user:hunter2@host/name',
  'hunter2',
])('S8: %s is refused without repeating it', (text) => {
  let error: unknown;
  try {
    parseRedisAddress(text);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ code: 'bad_configuration' });
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hunter2');
});
