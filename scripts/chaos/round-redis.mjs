import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureRedisServer } from '../provide-redis.mjs';

/** The Redis of one round: the product's own private one, or a shared one that this script keeps alive. */
export function openRedis(kind, place) {
  return kind === 'private' ? privateRedis(place) : sharedRedis(place);
}

function privateRedis(place) {
  const pidFile = join(place, '.rivya-batch/redis/redis.pid');
  const kill = () => {
    const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
    if (pid > 1 && isRedis(pid)) process.kill(pid, 'SIGKILL');
  };
  const lose = async () => {
    kill();
    await rm(join(place, '.rivya-batch'), { recursive: true, force: true, maxRetries: 20 });
  };
  return { environment: {}, ready: () => Promise.resolve(), kill, lose, close: kill };
}

/** Process numbers are used again: only a Redis is ours to end. */
function isRedis(pid) {
  try {
    return /redis|valkey/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    // It has ended, or this system has no /proc: then it is left alone.
    return false;
  }
}

function sharedRedis(place) {
  const socket = join(place, 'shared.sock');
  const folder = join(place, 'shared-redis');
  const program = ensureRedisServer();
  mkdirSync(folder);
  let closed = false;
  let server;
  const start = () => {
    const settings = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', ''];
    server = spawn(program, [...settings, '--appendonly', 'yes'], { stdio: 'ignore' });
    server.once('exit', () => {
      if (!closed) setTimeout(start, 300);
    });
  };
  start();
  return {
    environment: { REDIS_URL: `unix://${socket}` },
    ready: async () => {
      while (!existsSync(socket)) await sleep(20);
    },
    kill: () => server.kill('SIGKILL'),
    close: () => {
      closed = true;
      server.kill('SIGKILL');
    },
  };
}
