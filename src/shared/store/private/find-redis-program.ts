import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Machine } from '../machine.js';

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
