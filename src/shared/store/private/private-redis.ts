import { connect as connectSocket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { BatchError } from '../../errors.js';
import type { Machine } from '../machine.js';
import { isRefusal, reachRedis } from '../reach-redis.js';
import { socketAddress } from '../redis-address.js';
import { namesOthers } from '../store-name.js';
import { findRedisProgram } from './find-redis-program.js';
import { missingRedisError } from './install-advice.js';
import type { PrivatePlace } from './private-place.js';
import { startRedis } from './start-redis.js';
import { settleStrayServer } from './stray-server.js';

const goneWithinMs = 15_000;
const pauseMs = 20;

/**
 * A connection to the running server of this place, which is started where none answers.
 * Only under the home's lock. The caller ends the connection with `disconnect()`.
 */
export async function joinOrStart(
  place: PrivatePlace,
  machine: Machine,
  connectionName: string,
): Promise<Redis> {
  const address = socketAddress(place.socketPath);
  const reached = await reachRedis(address, connectionName);
  if (reached.state === 'ready') return reached.client;
  // One that dies while it is asked fails in other ways than being absent.
  if (reached.state === 'failed' && (await isListening(place))) throw reached.error;
  const cameUp = await settleStrayServer(place, () => isListening(place));
  if (cameUp) return joinOrStart(place, machine, connectionName);
  const program = findRedisProgram(machine);
  if (program === null) throw missingRedisError(machine);
  return startRedis(place, program, connectionName);
}

/**
 * Shuts the server down, its append-only file written out, unless another store's connections are there.
 * Only under the home's lock; returns when the socket is gone.
 */
export async function shutDownIfUnused(place: PrivatePlace, storeId: string): Promise<void> {
  const reached = await reachRedis(socketAddress(place.socketPath), `${storeId}:leave`);
  if (reached.state !== 'ready') return;
  const { client } = reached;
  // Redis may learn in the same moment that a killed process's connection is closed: it is asked again.
  if ((await isUsedByOthers(client, storeId)) && (await isUsedByOthers(client, storeId))) {
    client.disconnect();
    return;
  }
  const refusal = await client.shutdown().then(
    () => null,
    (error: Error) => error,
  );
  if (refusal?.name === 'ReplyError') {
    client.disconnect();
    throw new BatchError(
      'redis_unreachable',
      `The private Redis could not save and keeps running: ${refusal.message}. Its log is ${place.logPath}.`,
      { cause: refusal },
    );
  }
  const patience = AbortSignal.timeout(goneWithinMs);
  while (!patience.aborted && (await isListening(place))) await delay(pauseMs);
  client.disconnect();
}

async function isUsedByOthers(client: Redis, storeId: string): Promise<boolean> {
  try {
    return namesOthers(String(await client.client('LIST')), storeId);
  } catch {
    // A server that does not say is left alone: the next command finds it, or starts it again.
    return true;
  }
}

/** Whether somebody takes connections on this place's socket. */
export function isListening(place: PrivatePlace): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectSocket(place.socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => resolve(!isRefusal(error)));
  });
}
