import { BatchError } from '../../errors.js';
import type { Machine } from '../machine.js';

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
