import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { thisMachine } from '../../src/store/private/home.js';
import { findRedisProgram } from '../../src/store/private/start-redis.js';
import { until } from '../support/until.js';

const homes: string[] = [];
const children: ChildProcess[] = [];

/** Registers a process that must not outlive the test. */
export function endAfterTest(child: ChildProcess): ChildProcess {
  children.push(child);
  return child;
}

/** An empty folder that is removed after the test, with every server that works in it. */
export async function temporaryHome(): Promise<string> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'rivya-store-')));
  homes.push(home);
  return home;
}

/** For `afterEach`: ends what a test started, whether it passed or not. */
export async function endEverything(): Promise<void> {
  const ending = children.splice(0).filter((child) => child.exitCode === null && !child.signalCode);
  await Promise.all(
    ending.map((child) => {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      return gone;
    }),
  );
  for (const home of homes.splice(0)) {
    await killServers(home);
    await rm(home, { recursive: true, force: true });
  }
}

/** The numbers of the processes that work in a folder's `redis`, zombies not counted (Linux only). */
export function serversOf(home: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => isAt(Number(name), join(home, 'redis')))
    .map(Number);
}

/** kill -9, and waits until the processes are gone. */
export async function killServers(home: string): Promise<void> {
  for (const processId of serversOf(home)) process.kill(processId, 'SIGKILL');
  await until(() => serversOf(home).length === 0);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A redis-server on a port of 127.0.0.1 that somebody else looks after, for `REDIS_URL`. */
export async function startServer(port: number, ...settings: string[]): Promise<ChildProcess> {
  const folder = await temporaryHome();
  const program = findRedisProgram(thisMachine());
  if (program === null) throw new Error('these tests need a redis-server');
  const child = endAfterTest(
    spawn(program, ['--port', String(port), '--save', '', '--dir', folder, ...settings], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error('redis-server did not start')));
    child.stdout?.on('data', (text) => {
      if (String(text).includes('Ready to accept connections')) resolve();
    });
  });
  return child;
}

/** What any program of the same user can read of a process's environment. */
export function environmentOf(processId: number): string {
  return readFileSync(`/proc/${processId}/environ`, 'utf8');
}

function isAt(processId: number, folder: string): boolean {
  try {
    return readlinkSync(`/proc/${processId}/cwd`).replace(/ \(deleted\)$/, '') === folder;
  } catch {
    // Ended meanwhile, or another user's.
    return false;
  }
}
