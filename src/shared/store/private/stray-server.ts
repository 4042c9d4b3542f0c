import { execFile } from 'node:child_process';
import { readFile, readlink, realpath } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { BatchError } from '../../errors.js';
import type { PrivatePlace } from './private-place.js';

const pauseMs = 50;
/** Time to write out the append-only file. */
const endWithinMs = 15_000;
const comeUpWithinMs = 5_000;

/**
 * Makes sure that no server holds the data of this place, before one is started on it: two on one
 * append-only file ruin it. A server without a reachable socket is either just coming up, or its socket
 * file was deleted (temporary folders are swept); the latter is asked to end, and saves.
 * @param answers whether the socket answers by now
 * @returns true when the server came up by itself meanwhile.
 */
export async function settleStrayServer(
  place: PrivatePlace,
  answers: () => Promise<boolean>,
): Promise<boolean> {
  const processId = await strayServer(place);
  if (processId === null) return false;
  const patience = AbortSignal.timeout(comeUpWithinMs);
  while (!patience.aborted) {
    if (await answers()) return true;
    if ((await strayServer(place)) === null) return false;
    await delay(pauseMs);
  }
  process.kill(processId, 'SIGTERM');
  const end = AbortSignal.timeout(endWithinMs);
  while (!end.aborted) {
    if ((await strayServer(place)) === null) return false;
    await delay(pauseMs);
  }
  throw new BatchError(
    'redis_unreachable',
    `A Redis (process ${processId}) works on ${place.dataFolder}, but cannot be reached and does not end.`,
  );
}

/** The process that the pid file names, if it is alive and is a server on this place's data. */
async function strayServer(place: PrivatePlace): Promise<number | null> {
  const processId = Number(await readFile(place.pidPath, 'utf8').catch(() => ''));
  if (!Number.isInteger(processId) || processId <= 1) return null;
  return (await worksOn(place, processId)) ? processId : null;
}

/** Process numbers are used again: after a restart of the machine this one may be anybody's. */
async function worksOn(place: PrivatePlace, processId: number): Promise<boolean> {
  if (process.platform === 'linux') {
    const folder = await readlink(`/proc/${processId}/cwd`).catch(() => '');
    return folder !== '' && folder === (await realpath(place.dataFolder).catch(() => null));
  }
  const listing = await promisify(execFile)('ps', [
    '-p',
    String(processId),
    '-o',
    'command=',
  ]).catch(
    () => ({ stdout: '' }), // `ps` fails when there is no such process
  );
  return listing.stdout.includes(place.socketPath);
}
