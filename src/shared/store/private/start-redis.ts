import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { BatchError } from '../../errors.js';
import { reachRedis } from '../reach-redis.js';
import { socketAddress } from '../redis-address.js';
import { lastLogLine, logSize, type PrivatePlace } from './private-place.js';

/** Redis listens before it loads its data, so this is only the time to come up. */
const listenWithinMs = 20_000;
const pauseMs = 20;

/**
 * Starts the server that outlives this process, and waits until it has loaded its data.
 * Only under the home's lock, and only when no server runs on these files.
 * @throws BatchError `redis_unreachable` with the log's path and last line.
 */
export async function startRedis(
  place: PrivatePlace,
  program: string,
  connectionName: string,
): Promise<Redis> {
  const logStart = await logSize(place);
  const child = launch(place, program);
  const fallen = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`));
  });
  const listening = waitForAnswer(place, connectionName);
  const outcome = await Promise.race([listening, fallen]);
  if (typeof outcome !== 'string') return outcome;
  // Until its guard runs out the other branch may still fail; the reason is known by now.
  listening.catch(() => outcome);
  const lastLine = (await lastLogLine(place, logStart)) ?? outcome;
  throw new BatchError(
    'redis_unreachable',
    `The private Redis did not start: ${lastLine}\nIts log is ${place.logPath}, its data ${place.dataFolder}.`,
  );
}

function launch(place: PrivatePlace, program: string): ChildProcess {
  // What Redis says before it has read its arguments goes to the same log.
  const log = openSync(place.logPath, 'a', 0o600);
  try {
    const child = spawn(program, serverArguments(place), {
      cwd: place.dataFolder,
      // Its own session: Ctrl+C in the terminal is for the command, not for Redis.
      detached: true,
      stdio: ['ignore', log, log],
      // Not ours: it holds the API key, and any process of this user can read a server's environment (S8).
      env: { LC_ALL: 'C' },
    });
    child.unref();
    // Redis writes the same number later. Before that, a command that takes over from a killed one must
    // already see that a server is coming up.
    if (child.pid !== undefined) writeFileSync(place.pidPath, `${child.pid}\n`, { mode: 0o600 });
    return child;
  } finally {
    closeSync(log);
  }
}

function serverArguments(place: PrivatePlace): string[] {
  const settings: Record<string, string> = {
    port: '0',
    unixsocket: place.socketPath,
    unixsocketperm: '700',
    dir: place.dataFolder,
    pidfile: place.pidPath,
    logfile: place.logPath,
    daemonize: 'no',
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    'maxmemory-policy': 'noeviction',
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

async function waitForAnswer(place: PrivatePlace, connectionName: string): Promise<Redis> {
  const patience = AbortSignal.timeout(listenWithinMs);
  for (;;) {
    const reached = await reachRedis(socketAddress(place.socketPath), connectionName);
    if (reached.state === 'ready') return reached.client;
    if (reached.state === 'failed' || patience.aborted) throw reached.error;
    await delay(pauseMs);
  }
}
