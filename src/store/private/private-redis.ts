import { execFile } from 'node:child_process';
import { readFile, readlink, realpath } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Redis } from 'ioredis';
import { BatchError } from '../../shared/errors.js';
import { answerOf, readRedisFacts } from '../../shared/redis-facts.js';
import { isRefusal, reachRedis } from '../reach-redis.js';
import { namesOthers, socketAddress } from '../redis-address.js';
import type { Machine, PrivatePaths } from './home.js';
import { findRedisProgram, missingRedisError, startRedis } from './start-redis.js';

const goneWithinMs = 15_000;
const pauseMs = 20;

/**
 * A connection to the running server of this home, which is started where none answers.
 * Only under the home's lock. The caller ends the connection with `disconnect()`.
 */
export async function joinOrStart(
  paths: PrivatePaths,
  machine: Machine,
  connectionName: string,
): Promise<Redis> {
  const address = socketAddress(paths.socketPath);
  const reached = await reachRedis(address, connectionName);
  if (reached.state === 'ready') return reached.client;
  // One that dies while it is asked fails in other ways than being absent.
  if (reached.state === 'failed' && (await isListening(paths))) throw reached.error;
  const cameUp = await settleStrayServer(paths, () => isListening(paths));
  if (cameUp) return joinOrStart(paths, machine, connectionName);
  const program = findRedisProgram(machine);
  if (program === null) throw missingRedisError(machine);
  return startRedis(paths, program, connectionName);
}

/**
 * Shuts the server down, its append-only file written out, unless another store's connections are there.
 * Only under the home's lock; returns when the socket is gone.
 */
export async function shutDownIfUnused(paths: PrivatePaths, storeId: string): Promise<void> {
  const reached = await reachRedis(socketAddress(paths.socketPath), `${storeId}:leave`);
  if (reached.state !== 'ready') return;
  const { client } = reached;
  // Redis may learn in the same moment that a killed process's connection is closed: it is asked again.
  if ((await isUsedByOthers(client, storeId)) && (await isUsedByOthers(client, storeId))) {
    client.disconnect();
    return;
  }
  await compactFile(client);
  const refusal = await client.shutdown().then(
    () => null,
    (error: Error) => error,
  );
  if (refusal?.name === 'ReplyError') {
    client.disconnect();
    throw new BatchError(
      'redis_unreachable',
      `The private Redis could not save, so it keeps running: ${refusal.message}. See its log, ${paths.logPath}, and make room on the disk.`,
      { cause: refusal },
    );
  }
  const patience = AbortSignal.timeout(goneWithinMs);
  while (!patience.aborted && (await isListening(paths))) await delay(pauseMs);
  // Where the server has hung up, a goodbye would only keep this process alive for as long as one may take.
  if (client.status !== 'end') client.disconnect();
}

/** What a smaller file holds of history is loaded in no time. */
const smallFileBytes = 8_000_000;
const compactWithinMs = 60_000;

/**
 * Has the append-only file written anew where most of it is history. Redis does that by itself only once the file has
 * doubled since the server was started, and this one is started anew with each command.
 */
async function compactFile(client: Redis): Promise<void> {
  const [, bytes = 0] = await fileFacts(client);
  const used = Number((await readRedisFacts(client, 'memory')).get('used_memory_dataset') ?? 0);
  if (bytes < smallFileBytes || bytes < 2 * used) return;
  if ((await answerOf(client.bgrewriteaof())) === null) return;
  const patience = AbortSignal.timeout(compactWithinMs);
  for (let busy = true; busy && !patience.aborted; ) {
    [busy] = await fileFacts(client);
    if (busy) await delay(pauseMs);
  }
}

/** Whether the file is being written anew, and how many bytes it has. */
async function fileFacts(client: Redis): Promise<[busy: boolean, bytes: number]> {
  const facts = await readRedisFacts(client);
  const isSet = (name: string) => facts.get(name) === '1';
  const busy = isSet('aof_rewrite_in_progress') || isSet('aof_rewrite_scheduled');
  return [busy, Number(facts.get('aof_current_size') ?? 0)];
}

async function isUsedByOthers(client: Redis, storeId: string): Promise<boolean> {
  try {
    return namesOthers(String(await client.client('LIST')), storeId);
  } catch {
    // A server that does not say is left alone: the next command finds it, or starts it again.
    return true;
  }
}

/** Whether somebody takes connections on this home's socket. */
export function isListening(paths: PrivatePaths): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectSocket(paths.socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => resolve(!isRefusal(error)));
  });
}

const strayPauseMs = 50;
/** Time to write out the append-only file. */
const endWithinMs = 15_000;
const comeUpWithinMs = 5_000;

/**
 * Makes sure that no server holds the data of this home, before one is started on it: two on one
 * append-only file ruin it. A server without a reachable socket is either just coming up, or its socket
 * file was deleted (temporary folders are swept); the latter is asked to end, and saves.
 * @param answers whether the socket answers by now
 * @returns true when the server came up by itself meanwhile.
 */
async function settleStrayServer(
  paths: PrivatePaths,
  answers: () => Promise<boolean>,
): Promise<boolean> {
  const processId = await strayServer(paths);
  if (processId === null) return false;
  const patience = AbortSignal.timeout(comeUpWithinMs);
  while (!patience.aborted) {
    if (await answers()) return true;
    if ((await strayServer(paths)) === null) return false;
    await delay(strayPauseMs);
  }
  process.kill(processId, 'SIGTERM');
  const end = AbortSignal.timeout(endWithinMs);
  while (!end.aborted) {
    if ((await strayServer(paths)) === null) return false;
    await delay(strayPauseMs);
  }
  throw new BatchError(
    'redis_unreachable',
    `A Redis (process ${processId}) works on ${paths.dataFolder}, but cannot be reached and does not end: end that process, then give the same command again.`,
  );
}

/** The process that the pid file names, if it is alive and is a server on this home's data. */
async function strayServer(paths: PrivatePaths): Promise<number | null> {
  const processId = Number(await readFile(paths.pidPath, 'utf8').catch(() => ''));
  if (!Number.isInteger(processId) || processId <= 1) return null;
  return (await worksOn(paths, processId)) ? processId : null;
}

/** Process numbers are used again: after a restart of the machine this one may be anybody's. */
async function worksOn(paths: PrivatePaths, processId: number): Promise<boolean> {
  if (process.platform === 'linux') {
    const folder = await readlink(`/proc/${processId}/cwd`).catch(() => '');
    return folder !== '' && folder === (await realpath(paths.dataFolder).catch(() => null));
  }
  const listing = await promisify(execFile)('ps', [
    '-p',
    String(processId),
    '-o',
    'command=',
  ]).catch(
    () => ({ stdout: '' }), // `ps` fails when there is no such process
  );
  return listing.stdout.includes(paths.socketPath);
}
