import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { BatchError } from '../../errors.js';
import type { Machine } from '../machine.js';

/** The system's limit for a socket's path is 104 bytes on macOS and 108 on Linux, the final zero included. */
const longestSocketPathBytes = 100;

/** The files of one private Redis. */
export interface PrivatePlace {
  /** RIVYA_BATCH_HOME, absolute and without symbolic links: two ways to one folder are one place. */
  folder: string;
  dataFolder: string;
  socketPath: string;
  logPath: string;
  pidPath: string;
}

/**
 * Makes the home folder where it is missing, for its owner alone.
 * @throws BatchError `bad_configuration`
 */
export async function prepareHome(home: string): Promise<string> {
  const folder = resolve(home);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await mkdir(join(folder, 'redis'), { recursive: true, mode: 0o700 });
    await chmod(join(folder, 'redis'), 0o700);
    return await realpath(folder);
  } catch (cause) {
    throw unusable(folder, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** Decides where everything lies; to be called under the lock, as it may record the socket's path. */
export async function choosePlace(folder: string, machine: Machine): Promise<PrivatePlace> {
  const dataFolder = join(folder, 'redis');
  const nearSocket = join(folder, 'redis.sock');
  const fits = Buffer.byteLength(nearSocket) <= longestSocketPathBytes;
  return {
    folder,
    dataFolder,
    socketPath: fits ? nearSocket : await farSocket(folder, machine),
    logPath: join(folder, 'redis.log'),
    pidPath: join(dataFolder, 'redis.pid'),
  };
}

/**
 * A short path in the runtime folder. It is recorded in the home folder, because the next command may have
 * another runtime folder (cron, ssh, sudo) and must still find the Redis that is running.
 */
async function farSocket(folder: string, machine: Machine): Promise<string> {
  const recordPath = join(folder, 'redis', 'socket-path');
  const recorded = (await readFile(recordPath, 'utf8').catch(() => '')).trim();
  if (recorded !== '' && (await isPrivateFolder(dirname(recorded), machine))) return recorded;
  const parent = await runtimeFolder(folder, machine);
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 20);
  const socketPath = join(parent, `${name}.sock`);
  if (Buffer.byteLength(socketPath) > longestSocketPathBytes) {
    throw unusable(folder, `its path is too long for a Unix socket, and so is ${parent}`);
  }
  await writeFile(recordPath, `${socketPath}\n`, { mode: 0o600 });
  return socketPath;
}

async function runtimeFolder(folder: string, machine: Machine): Promise<string> {
  const { runtimeFolder: session, temporaryFolder, userId } = machine;
  const hasSession = session !== null && (await isPrivateFolder(session, machine));
  const path = hasSession
    ? join(session, 'rivya-batch')
    : join(temporaryFolder, `rivya-batch-${userId}`);
  await mkdir(path, { recursive: true, mode: 0o700 });
  // In a shared temporary folder somebody else may have made it first, to read along.
  if (await isPrivateFolder(path, machine)) return path;
  throw unusable(folder, `the socket's folder ${path} belongs to, or is open to, another user`);
}

async function isPrivateFolder(path: string, machine: Machine): Promise<boolean> {
  const found = await lstat(path).catch(() => null);
  if (found === null || !found.isDirectory()) return false;
  return found.uid === machine.userId && (found.mode & 0o077) === 0;
}

/** What Redis wrote to its log after `fromByte`: the last line that is not empty, or null. */
export async function lastLogLine(place: PrivatePlace, fromByte: number): Promise<string | null> {
  const log = await readFile(place.logPath).catch(() => Buffer.alloc(0));
  const lines = log.subarray(fromByte).toString('utf8').split('\n');
  return lines.findLast((line) => line.trim() !== '')?.trim() ?? null;
}

/** The log's size in bytes, 0 where there is none yet. */
export async function logSize(place: PrivatePlace): Promise<number> {
  return (await stat(place.logPath).catch(() => null))?.size ?? 0;
}

function unusable(folder: string, reason: string, cause?: unknown): BatchError {
  return new BatchError(
    'bad_configuration',
    `The folder ${folder} (RIVYA_BATCH_HOME) cannot be used: ${reason}.`,
    { cause },
  );
}
