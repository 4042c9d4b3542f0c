import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Desk } from './cli.js';
import type { Running } from './running.js';

const hook = new URL('./crash-hook.mjs', import.meta.url).href;

/** What is to happen to a process; see `crash-hook.mjs`. */
export interface CrashSettings {
  record?: string;
  point?: string;
  signal?: 'SIGKILL' | 'SIGSTOP';
  hold?: string;
}

/** The environment that loads the hook into a command of this desk, whose results go to `out`. */
export function crashEnvironment(desk: Desk, settings: CrashSettings): Record<string, string> {
  const { record, point, signal, hold } = settings;
  return {
    NODE_OPTIONS: `--import=${hook}`,
    CRASH_FOLDER: join(desk.folder, 'out'),
    ...(record ? { CRASH_RECORD: record } : {}),
    ...(point ? { CRASH_POINT: point } : {}),
    ...(signal ? { CRASH_SIGNAL: signal } : {}),
    ...(hold ? { CRASH_HOLD: hold, CRASH_RELEASE: join(desk.folder, 'released') } : {}),
  };
}

/** Resolves when so many times a process of this desk has come to a point that holds it. */
export async function held(desk: Desk, by: Running[], times = 1): Promise<void> {
  for (;;) {
    const list = await readFile(join(desk.folder, 'released.held'), 'utf8').catch(() => '');
    if (list.split('\n').length > times) return;
    if (by.every((running) => running.hasEnded()))
      throw new Error('the point that was to hold it was never reached');
    await sleep(20);
  }
}

/** Lets every process of this desk go on that is held. */
export async function release(desk: Desk): Promise<void> {
  await writeFile(join(desk.folder, 'released'), '');
}

/** Resolves when the process has been stopped by SIGSTOP, or has ended without. */
export async function stoppedOrEnded(running: Running): Promise<'stopped' | 'ended'> {
  while (!running.hasEnded()) {
    if ((await stateOf(running.processId)).startsWith('T')) return 'stopped';
    await sleep(50);
  }
  return 'ended';
}

async function stateOf(processId: number): Promise<string> {
  const listing = promisify(execFile)('ps', ['-o', 'state=', '-p', String(processId)]);
  return (await listing.catch(() => ({ stdout: '' }))).stdout.trim();
}
