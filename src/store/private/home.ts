import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, lstat, mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { BatchError } from '../../shared/errors.js';
import { withFileLock } from '../../shared/file-lock.js';
import { claimFolderFormat } from '../../shared/state-format.js';

/** Longer than Redis may take to load a large append-only file, which happens under the lock. */
const patienceMs = 180_000;

/**
 * Runs `work` while no other process starts, joins, or stops the private Redis of this folder: two servers on one
 * append-only file ruin it.
 * @throws BatchError `bad_configuration` when the folder cannot be written, `redis_unreachable` when another
 * process holds the lock for minutes; and whatever `work` throws.
 */
export function withHomeLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const path = join(folder, 'redis.lock');
  const lock = {
    path,
    patienceMs,
    heldTooLong: () =>
      new BatchError(
        'redis_unreachable',
        `Another command has been starting or stopping the private Redis for ${patienceMs / 60_000} minutes (${path}): wait until it has ended, or end it, then give this command again.`,
      ),
    impossible: (cause: unknown) => unusable(folder, messageOf(cause), cause),
  };
  return withFileLock(lock, work);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The system's limit for a socket's path is 104 bytes on macOS and 108 on Linux, the final zero included. */
const longestSocketPathBytes = 100;

/** The files of one private Redis. */
export interface PrivatePaths {
  /** RIVYA_BATCH_HOME, absolute and without symbolic links: two ways to one folder are one home. */
  folder: string;
  dataFolder: string;
  socketPath: string;
  logPath: string;
  pidPath: string;
}

/**
 * Makes the home folder where it is missing, for its owner alone.
 * @throws BatchError `bad_configuration`, `later_version`
 */
export async function prepareHome(home: string): Promise<string> {
  const folder = resolve(home);
  try {
    await claimFolderFormat(folder);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await mkdir(join(folder, 'redis'), { recursive: true, mode: 0o700 });
    await chmod(join(folder, 'redis'), 0o700);
    return await realpath(folder);
  } catch (cause) {
    if (cause instanceof BatchError) throw cause;
    throw unusable(folder, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** Decides where everything lies; to be called under the lock, as it may record the socket's path. */
export async function choosePaths(folder: string, machine: Machine): Promise<PrivatePaths> {
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
export async function lastLogLine(paths: PrivatePaths, fromByte: number): Promise<string | null> {
  const log = await readFile(paths.logPath).catch(() => Buffer.alloc(0));
  const lines = log.subarray(fromByte).toString('utf8').split('\n');
  return lines.findLast((line) => line.trim() !== '')?.trim() ?? null;
}

/** The log's size in bytes, 0 where there is none yet. */
export async function logSize(paths: PrivatePaths): Promise<number> {
  return (await stat(paths.logPath).catch(() => null))?.size ?? 0;
}

function unusable(folder: string, reason: string, cause?: unknown): BatchError {
  return new BatchError(
    'bad_configuration',
    `The folder ${folder} (RIVYA_BATCH_HOME) cannot be used: ${reason}.`,
    { cause },
  );
}

/**
 * What the private Redis needs to know of the machine it runs on. None of it is configuration of ours
 * (that is parsed once, elsewhere); it is passed in so that tests can describe other machines.
 */
export interface Machine {
  platform: NodeJS.Platform;
  /** PATH as the shell gave it; empty when there is none. */
  searchPath: string;
  /** XDG_RUNTIME_DIR, where a login session has one. */
  runtimeFolder: string | null;
  temporaryFolder: string;
  /** Null where the system has no such number (Windows). */
  userId: number | null;
  /** `ID` and `ID_LIKE` of /etc/os-release, nearest first; empty on other systems. */
  distributions: string[];
}

/** Reads the machine that this process runs on. */
export function thisMachine(): Machine {
  return {
    platform: process.platform,
    searchPath: process.env.PATH ?? '',
    runtimeFolder: process.env.XDG_RUNTIME_DIR || null,
    temporaryFolder: tmpdir(),
    userId: process.getuid?.() ?? null,
    distributions: parseDistributions(readOsRelease()),
  };
}

/** The names in an os-release text: `ID` first, then those of `ID_LIKE`. */
export function parseDistributions(osRelease: string): string[] {
  const valueFor = (key: string) =>
    new RegExp(`^${key}=["']?([^"'\n]*)`, 'm').exec(osRelease)?.[1]?.toLowerCase() ?? '';
  return `${valueFor('ID')} ${valueFor('ID_LIKE')}`.split(' ').filter((name) => name !== '');
}

function readOsRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    // Only Linux has the file; without it the advice is the general one.
    return '';
  }
}
