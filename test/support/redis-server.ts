import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    redisSocket: string;
  }
}

/** One real Redis for all tests that need no Redis of their own; each test keeps to a random prefix. */
export default async function startRedis(project: TestProject): Promise<() => Promise<void>> {
  const { socket, stop } = await startServer();
  project.provide('redisSocket', socket);
  return stop;
}

/** A Redis in a folder of its own. */
export async function startServer(): Promise<{ socket: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'rivya-batch-redis-'));
  const socket = join(folder, 'redis.sock');
  const server = spawn(
    'redis-server',
    ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder],
    { stdio: 'ignore' },
  );
  await answers(server, socket);
  return {
    socket,
    async stop() {
      server.kill('SIGKILL');
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answers(server: ChildProcess, socket: string): Promise<void> {
  const redis = new Redis({ path: socket, lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => undefined);
  for (let tries = 0; tries < 200 && server.exitCode === null; tries += 1) {
    try {
      await redis.connect();
      redis.disconnect();
      return;
    } catch {
      await sleep(25);
    }
  }
  throw new Error('redis-server did not start');
}
