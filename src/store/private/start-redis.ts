import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { BatchError } from '../../shared/errors.js';
import { reachRedis } from '../reach-redis.js';
import { socketAddress } from '../redis-address.js';
import { lastLogLine, logSize, type Machine, type PrivatePaths } from './home.js';

/** Redis listens before it loads its data, so this is only the time to come up. */
const listenWithinMs = 20_000;
const pauseMs = 20;

/** A server that somebody kills while it starts is started again this often in all. */
const mostLaunches = 3;

type Launched =
  | { state: 'answers'; client: Redis }
  | { state: 'killed'; signal: NodeJS.Signals }
  | { state: 'ended'; reason: string }
  | { state: 'failed'; error: unknown };

/**
 * Starts the server that outlives this process, and waits until it has loaded its data.
 * Only under the home's lock, and only when no server runs on these files.
 * @throws BatchError `redis_unreachable` with the log's path and last line.
 */
export async function startRedis(
  paths: PrivatePaths,
  program: string,
  connectionName: string,
): Promise<Redis> {
  const logStart = await logSize(paths);
  let launched = await launchOnce(paths, program, connectionName);
  for (let count = 1; launched.state === 'killed' && count < mostLaunches; count += 1) {
    launched = await launchOnce(paths, program, connectionName);
  }
  switch (launched.state) {
    case 'answers':
      return launched.client;
    case 'failed':
      throw launched.error;
    case 'killed':
      throw await startFailure(paths, logStart, `it was ended by ${launched.signal}`);
    case 'ended':
      throw await startFailure(paths, logStart, launched.reason);
    default:
      return launched satisfies never;
  }
}

async function launchOnce(
  paths: PrivatePaths,
  program: string,
  connectionName: string,
): Promise<Launched> {
  const child = launch(paths, program);
  const over = new AbortController();
  const fallen = new Promise<Launched>((resolve) => {
    child.once('error', (error) => resolve({ state: 'ended', reason: error.message }));
    child.once('exit', (code, signal) => {
      resolve(
        signal ? { state: 'killed', signal } : { state: 'ended', reason: `exit code ${code}` },
      );
    });
  });
  const answer = waitForAnswer(paths, connectionName, over.signal);
  const launched = await Promise.race([answer, fallen]);
  over.abort();
  // A connection that comes too late would stay behind, and count as a user of the next server.
  if (launched.state !== 'answers') answer.then(endLateConnection);
  return launched;
}

function endLateConnection(late: Launched): void {
  if (late.state === 'answers') late.client.disconnect();
}

async function startFailure(
  paths: PrivatePaths,
  logStart: number,
  reason: string,
): Promise<BatchError> {
  const lastLine = await lastLogLine(paths, logStart);
  return new BatchError(
    'redis_unreachable',
    `The private Redis did not start (${reason}). ${lastLine === null ? 'It printed nothing.' : `Its last line: ${lastLine}`}\nIts log is ${paths.logPath}, its data ${paths.dataFolder}.`,
  );
}

function launch(paths: PrivatePaths, program: string): ChildProcess {
  // What Redis says before it has read its arguments goes to the same log.
  const log = openSync(paths.logPath, 'a', 0o600);
  try {
    const child = spawn(program, serverArguments(paths), {
      cwd: paths.dataFolder,
      // Its own session: Ctrl+C in the terminal is for the command, not for Redis.
      detached: true,
      stdio: ['ignore', log, log],
      // Not ours: it holds the API key, and any process of this user can read a server's environment (S8).
      env: { LC_ALL: 'C' },
    });
    child.unref();
    // Redis writes the same number later. Before that, a command that takes over from a killed one must
    // already see that a server is coming up.
    if (child.pid !== undefined) writeFileSync(paths.pidPath, `${child.pid}\n`, { mode: 0o600 });
    return child;
  } finally {
    closeSync(log);
  }
}

function serverArguments(paths: PrivatePaths): string[] {
  const settings: Record<string, string> = {
    port: '0',
    unixsocket: paths.socketPath,
    unixsocketperm: '700',
    dir: paths.dataFolder,
    pidfile: paths.pidPath,
    logfile: paths.logPath,
    daemonize: 'no',
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    'maxmemory-policy': 'noeviction',
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

async function waitForAnswer(
  paths: PrivatePaths,
  connectionName: string,
  over: AbortSignal,
): Promise<Launched> {
  const patience = AbortSignal.timeout(listenWithinMs);
  for (;;) {
    const reached = await reachRedis(socketAddress(paths.socketPath), connectionName);
    if (reached.state === 'ready') return { state: 'answers', client: reached.client };
    // A server that refuses its data hangs up before it ends: why, its exit and its log will tell.
    if (patience.aborted || over.aborted) return { state: 'failed', error: reached.error };
    await delay(pauseMs);
  }
}

const programNames = ['redis-server', 'valkey-server'];

/** Where package managers put it without it being on every PATH (cron, services, other users). */
const usualFolders: Partial<Record<NodeJS.Platform, string[]>> = {
  linux: ['/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/home/linuxbrew/.linuxbrew/bin'],
  darwin: [
    '/opt/homebrew/bin',
    '/opt/homebrew/opt/redis/bin',
    '/opt/homebrew/opt/valkey/bin',
    '/usr/local/bin',
    '/usr/local/opt/redis/bin',
    '/opt/local/bin',
  ],
};

/** The absolute path of a `redis-server` or `valkey-server`, PATH first; null when there is none. */
export function findRedisProgram(machine: Machine): string | null {
  // An empty or relative entry of PATH means the current folder: nothing is started from there.
  const folders = machine.searchPath.split(delimiter).filter((folder) => folder.startsWith('/'));
  for (const name of programNames) {
    for (const folder of [...folders, ...(usualFolders[machine.platform] ?? [])]) {
      const path = join(folder, name);
      if (isProgram(path)) return path;
    }
  }
  return null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Not there, or not for us: either way not a candidate.
    return false;
  }
}

const dockerLine =
  'docker run -d -p 127.0.0.1:6379:6379 redis:7-alpine redis-server --appendonly yes --maxmemory-policy noeviction';
const dnfLine = (sudo: string) => `${sudo}dnf install -y valkey || ${sudo}dnf install -y redis`;

/** By the names in os-release; most derivatives name one of these in `ID_LIKE`. */
const installLines: Record<string, (sudo: string) => string> = {
  debian: (sudo) => `${sudo}apt-get update && ${sudo}apt-get install -y redis-server`,
  ubuntu: (sudo) => `${sudo}apt-get update && ${sudo}apt-get install -y redis-server`,
  // Newer releases have Valkey in place of Redis; either serves.
  fedora: dnfLine,
  rhel: dnfLine,
  centos: dnfLine,
  amzn: dnfLine,
  alpine: (sudo) => `${sudo}apk add redis`,
  arch: (sudo) => `${sudo}pacman -S --noconfirm valkey`,
};

/** The error for a machine on which no private Redis can be started: what to type instead. */
export function missingRedisError(machine: Machine): BatchError {
  const alternatives = [
    `  ${dockerLine}`,
    '  and then REDIS_URL=redis://127.0.0.1:6379, or REDIS_URL=… of any Redis 6.2 or newer that you have.',
  ];
  if (machine.platform === 'win32') {
    return new BatchError(
      'redis_missing',
      [
        'On Windows no private Redis can be started. Run rivya-batch inside WSL, or start one with Docker:',
        ...alternatives,
      ].join('\n'),
    );
  }
  return new BatchError(
    'redis_missing',
    [
      'No redis-server or valkey-server was found on this machine. Install it with',
      `  ${installLine(machine)}`,
      'or start one with Docker:',
      ...alternatives,
    ].join('\n'),
  );
}

function installLine(machine: Machine): string {
  if (machine.platform === 'darwin') return 'brew install redis';
  const sudo = machine.userId === 0 ? '' : 'sudo ';
  for (const name of machine.distributions) {
    const line = Object.hasOwn(installLines, name) ? installLines[name] : undefined;
    if (line) return line(sudo);
  }
  return "your system's package manager (the package is called redis, redis-server or valkey)";
}
