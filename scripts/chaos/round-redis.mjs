import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureRedisServer } from '../provide-redis.mjs';

/**
 * The Redis of one round: the product's own private one, or a shared one that this script keeps alive. What is
 * done to its data (`lose`, `restore`, `tear`) is done while nobody uses it.
 */
export function openRedis(kind, place) {
  return kind === 'private' ? privateRedis(place) : sharedRedis(place);
}

function privateRedis(place) {
  const data = join(place, '.rivya-batch/redis');
  const pidFile = join(data, 'redis.pid');
  const pidOf = () => {
    const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
    return pid > 1 && isRedis(pid) ? pid : null;
  };
  const kill = () => {
    const pid = pidOf();
    if (pid !== null) process.kill(pid, 'SIGKILL');
  };
  /** The next command starts it again. */
  const whileDown = async (work) => {
    const pid = pidOf();
    kill();
    while (pid !== null && isRedis(pid)) await sleep(20);
    await work();
  };
  const lose = () =>
    whileDown(() =>
      rm(join(place, '.rivya-batch'), { recursive: true, force: true, maxRetries: 20 }),
    );
  return {
    environment: {},
    ready: () => Promise.resolve(),
    kill,
    lose,
    ...dataOf(data, join(place, 'snapshot'), whileDown),
    close: kill,
  };
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
  let held = false;
  let server;
  let startingAgain;
  const start = () => {
    const settings = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', ''];
    server = spawn(program, [...settings, '--appendonly', 'yes'], { stdio: 'ignore' });
    server.once('exit', () => {
      if (!held) startingAgain = setTimeout(start, 300);
    });
  };
  /** From here on, nobody starts it again. */
  const hold = () => {
    held = true;
    clearTimeout(startingAgain);
  };
  const ready = async () => {
    while (!existsSync(socket)) await sleep(20);
  };
  const whileDown = async (work) => {
    hold();
    if (server.exitCode === null && server.signalCode === null) {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGKILL');
      await ended;
    }
    await work();
    await rm(socket, { force: true });
    held = false;
    start();
    await ready();
  };
  start();
  return {
    environment: { REDIS_URL: `unix://${socket}` },
    ready,
    kill: () => server.kill('SIGKILL'),
    lose: () => whileDown(() => rm(join(folder, appendOnly), { recursive: true, force: true })),
    ...dataOf(folder, join(place, 'snapshot'), whileDown),
    close: () => {
      hold();
      server.kill('SIGKILL');
    },
  };
}

const appendOnly = 'appendonlydir';

/** Backups of the data folder of one Redis, and harm to it. */
function dataOf(folder, snapshot, whileDown) {
  const live = join(folder, appendOnly);
  // Events may come at once: what they do to the same files comes one after the other.
  let underWay = Promise.resolve();
  const inTurn = (act) => {
    const result = underWay.then(act);
    underWay = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  };
  return {
    /** As a backup of a running server is made: its end may be torn, which Redis mends. */
    snapshot: () =>
      inTurn(async () => {
        if (!existsSync(live)) return;
        await rm(snapshot, { recursive: true, force: true });
        await cp(live, snapshot, { recursive: true });
      }),
    /** Resolves to whether there was anything to put back. */
    restore: () =>
      inTurn(async () => {
        if (!existsSync(snapshot)) return false;
        await whileDown(async () => {
          await rm(live, { recursive: true, force: true });
          await cp(snapshot, live, { recursive: true });
        });
        return true;
      }),
    /** The file loses its last part, as after a power cut. */
    tear: (share) =>
      inTurn(() =>
        whileDown(() => {
          const file =
            existsSync(live) && readdirSync(live).find((name) => /\.incr\.aof$/.test(name));
          if (!file) return;
          const path = join(live, file);
          truncateSync(path, Math.floor(statSync(path).size * (1 - share)));
        }),
      ),
  };
}
