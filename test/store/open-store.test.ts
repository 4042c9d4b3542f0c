import { createServer, type Server } from 'node:net';
import { inspect } from 'node:util';
import { Queue, Worker } from 'bullmq';
import { afterEach, describe, expect, test } from 'vitest';
import type { BatchError } from '../../src/shared/errors.js';
import type { ConnectionChange } from '../../src/store/connections.js';
import { openStore, type Store } from '../../src/store/open-store.js';
import { thisMachine } from '../../src/store/private/home.js';
import { until } from '../support/until.js';
import {
  endEverything,
  freePort,
  killServers,
  serversOf,
  startServer,
  temporaryHome,
} from './real-redis.js';

const stores: Store[] = [];
const listeners: Server[] = [];

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  for (const server of listeners.splice(0)) server.close();
  await endEverything();
});

async function open(redisUrl: string | null, home = 'unused'): Promise<Store> {
  const store = await openStore({ redisUrl, home });
  stores.push(store);
  return store;
}

async function failure(redisUrl: string): Promise<BatchError> {
  return open(redisUrl).then(
    () => Promise.reject(new Error('it should not have opened')),
    (error: BatchError) => error,
  );
}

/** A server that answers each line sent to it as told. */
async function fakeServer(answer: (request: string) => string): Promise<number> {
  const port = await freePort();
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (request) => socket.write(answer(String(request))));
  });
  listeners.push(server);
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', () => resolve());
  });
  return port;
}

describe('REDIS_URL', { timeout: 30_000 }, () => {
  test('connects with login and database number, and says nothing about a good Redis', async () => {
    const port = await freePort();
    await startServer(
      port,
      ...['--requirepass', 'hunter2', '--appendonly', 'yes', '--maxmemory-policy', 'noeviction'],
    );
    const store = await open(`redis://:hunter2@127.0.0.1:${port}/3`);
    expect(store).toMatchObject({
      kind: 'url',
      where: `redis://127.0.0.1:${port}/3`,
      warnings: [],
    });
    const connection = store.connect('test');
    expect(await connection.client('INFO')).toMatch(/ db=3 /);
    expect(connection.options.maxRetriesPerRequest).toBeNull();
  });

  test('S8: what Redis refuses says nothing of what was sent, on any connection and any way', async () => {
    const port = await freePort();
    await startServer(port, '--appendonly', 'yes', '--maxmemory-policy', 'noeviction');
    const store = await open(`redis://127.0.0.1:${port}`);
    const first = store.connect('test');
    const secret = 'https://cdn.example/a.png?token=very-secret';
    await first.set('text', 'no list');
    for (const connection of [first, first.duplicate()]) {
      const pipelined = await connection.pipeline().lpush('text', secret).exec();
      const errors = await Promise.all([
        connection.lpush('text', secret).catch((error: unknown) => error),
        connection.call('NO.SUCH', secret).catch((error: unknown) => error),
        connection
          .eval('return redis.call("LPUSH", KEYS[1], ARGV[1])', 1, 'text', secret)
          .catch((error: unknown) => error),
        pipelined?.[0]?.[0],
      ]);
      expect(errors.map((error) => error instanceof Error)).toEqual(Array(4).fill(true));
      expect(inspect(errors, { depth: 9, showHidden: true })).not.toContain('very-secret');
    }
    const queue = new Queue('refused', { connection: store.connect('queue') });
    await store.connect('test').set('bull:refused:meta', 'no hash');
    const adding = queue.add('collect', { urls: [secret] }).catch((error: unknown) => error);
    expect(inspect(await adding, { depth: 9, showHidden: true })).not.toContain('very-secret');
    expect(await adding).toBeInstanceOf(Error);
    await queue.close();
  });

  test('S8: a wrong password is an error without it, in the cause too', async () => {
    const port = await freePort();
    await startServer(port, '--requirepass', 'correct');
    for (const login of [':hunter2@', 'user:hunter2@', '']) {
      const error = await failure(`redis://${login}127.0.0.1:${port}`);
      expect(error).toMatchObject({ code: 'redis_unreachable' });
      expect(error.message).toMatch(/refuses the login \((WRONGPASS|NOAUTH)/);
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hunter2');
    }
  });

  test('nobody there, a silent one and one without TLS are errors within the bound', async () => {
    const silentPort = await fakeServer(() => '');
    const plainPort = await freePort();
    await startServer(plainPort);
    const errors = await Promise.all([
      failure(`redis://user:hunter2@127.0.0.1:${await freePort()}`),
      failure(`redis://127.0.0.1:${silentPort}`),
      failure(`rediss://127.0.0.1:${plainPort}`),
      failure('redis://no-such-host.invalid'),
      failure('unix:///no/such/redis.sock'),
    ]);
    for (const error of errors) expect(error).toMatchObject({ code: 'redis_unreachable' });
    expect(errors[0]?.message).toContain('ECONNREFUSED');
    expect(errors[0]?.message).not.toContain('hunter2');
    expect(errors[1]?.message).toContain('no answer within 5 s');
    expect(errors[2]?.message).toContain('TLS');
    expect(errors[4]?.message).toContain('ENOENT');
  });

  test('a Redis before 6.2 is unsuitable', async () => {
    const info = '# Server\r\nredis_version:5.0.7\r\nloading:0\r\n';
    const port = await fakeServer((request) => {
      if (request.includes('hello')) return "-ERR unknown command 'hello'\r\n-ERR unknown\r\n";
      if (request.includes('info')) return `$${info.length}\r\n${info}\r\n`;
      return '+OK\r\n';
    });
    const error = await failure(`redis://127.0.0.1:${port}`);
    expect(error).toMatchObject({ code: 'redis_unsuitable' });
    expect(error.message).toContain('5.0.7');
  });

  test('a read-only replica and a cluster node are unsuitable', async () => {
    const [replica, node] = [await freePort(), await freePort()];
    await startServer(replica, '--replicaof', '127.0.0.1', String(await freePort()));
    await startServer(node, '--cluster-enabled', 'yes');
    expect((await failure(`redis://127.0.0.1:${replica}`)).message).toContain('replica');
    expect((await failure(`redis://127.0.0.1:${node}`)).message).toContain('Cluster');
  });

  test('warns of eviction and of a Redis that keeps nothing on disk', async () => {
    const port = await freePort();
    await startServer(port, '--maxmemory-policy', 'allkeys-lru');
    const { warnings } = await open(`redis://127.0.0.1:${port}`);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain('allkeys-lru');
    expect(warnings[1]).toContain('appendonly');
  });

  test('an account that may not ask INFO and CONFIG gets no warning and no failure', async () => {
    const port = await freePort();
    await startServer(
      port,
      ...['--maxmemory-policy', 'allkeys-lru'],
      ...['--user', 'app', 'on', '>hunter2', '~*', '&*', '+@all', '-info', '-config'],
    );
    const store = await open(`redis://app:hunter2@127.0.0.1:${port}`);
    expect(store.warnings).toEqual([]);
    expect(await store.connect('test').set('a', 'b')).toBe('OK');
  });

  test('says once that Redis is lost and once that it is back; commands wait meanwhile', async () => {
    const port = await freePort();
    const server = await startServer(port);
    const store = await open(`redis://127.0.0.1:${port}`);
    const changes: ConnectionChange['state'][] = [];
    store.onConnectionChange((change) => changes.push(change.state));
    const connections = ['a', 'b', 'c'].map((name) => store.connect(name));
    await Promise.all(connections.map((connection) => connection.ping()));
    server.kill('SIGKILL');
    await until(() => changes.includes('lost'));
    const waiting = connections.map((connection) => connection.ping());
    await startServer(port);
    expect(await Promise.all(waiting)).toEqual(['PONG', 'PONG', 'PONG']);
    await until(() => changes.includes('back'));
    expect(changes).toEqual(['lost', 'back']);
  });

  test('close() while Redis is away ends at once, and rejects what still waits', async () => {
    const port = await freePort();
    const server = await startServer(port);
    const store = await open(`redis://127.0.0.1:${port}`);
    const connection = store.connect('test');
    await connection.ping();
    server.kill('SIGKILL');
    await until(() => connection.status === 'reconnecting');
    const waiting = expect(connection.get('brief')).rejects.toThrow('Connection is closed');
    await store.close();
    await waiting;
    expect(connection.status).toBe('end');
  });
});

describe('private Redis in this process', { timeout: 30_000 }, () => {
  test('BullMQ goes on after kill -9 of Redis, and close() ends the duplicates it made', async () => {
    const home = await temporaryHome();
    const store = await open(null, home);
    expect(store).toMatchObject({ kind: 'private', warnings: [] });
    const done: string[] = [];
    const queue = new Queue('spring.submit', { connection: store.connect('queue') });
    const worker = new Worker(
      'spring.submit',
      async (job) => {
        done.push(job.name);
      },
      { connection: store.connect('worker') },
    );
    const quiet = () => 'the loss of Redis is told by the store';
    queue.on('error', quiet);
    worker.on('error', quiet);
    await queue.add('before', {});
    await until(() => done.includes('before'));
    await killServers(home);
    await queue.add('after', {});
    await until(() => done.includes('after'));
    // The queue is closed, the worker is not: a command that fails half-way leaves it so.
    await queue.close();
    await store.close();
    await until(() => serversOf(home).length === 0);
    await worker.close(true);
  });

  test('two stores of one process share the server; the second close() ends it', async () => {
    const home = await temporaryHome();
    const [first, second] = await Promise.all([open(null, home), open(null, home)]);
    await first.close();
    expect(await second.connect('test').ping()).toBe('PONG');
    await second.close();
    await second.close();
    await until(() => serversOf(home).length === 0);
  });

  test('without a program: how to install one, also when it vanishes during a run', async () => {
    const home = await temporaryHome();
    const bare = { ...thisMachine(), platform: 'freebsd' as const, searchPath: '' };
    const opening = openStore({ redisUrl: null, home }, bare);
    await expect(opening).rejects.toMatchObject({ code: 'redis_missing' });

    const keeper = await open(null, home);
    const store = await openStore({ redisUrl: '', home }, bare);
    stores.push(store);
    const changes: ConnectionChange[] = [];
    store.onConnectionChange((change) => changes.push(change));
    await keeper.close();
    await killServers(home);
    await until(() => changes.some(({ state }) => state === 'restart_failed'));
    expect(changes.map(({ state }) => state)).toEqual(['lost', 'restart_failed']);
    const helper = await open(null, home);
    await until(() => changes.some(({ state }) => state === 'back'));
    expect(changes).toHaveLength(3);
    expect(helper.where).toBe(store.where);
  });

  test('Windows is told so, and a home that cannot be made is a configuration error', async () => {
    const windows = { ...thisMachine(), platform: 'win32' as const };
    await expect(openStore({ redisUrl: null, home: 'x' }, windows)).rejects.toMatchObject({
      code: 'redis_missing',
    });
    await expect(openStore({ redisUrl: null, home: '/dev/null/x' })).rejects.toMatchObject({
      code: 'bad_configuration',
    });
  });
});
