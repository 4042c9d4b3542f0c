// Makes sure that this machine has a Redis program, for the repository's own demo and tests.
import { realpathSync } from 'node:fs';
import { ensureProgram, say } from './provide-program.mjs';

const remedy = `Install it with the line for your system:
  Debian, Ubuntu   sudo apt-get install -y redis-server
  Fedora, RHEL     sudo dnf install -y valkey || sudo dnf install -y redis
  Alpine           sudo apk add redis
  macOS            brew install redis
or start one with Docker, and set REDIS_URL=redis://127.0.0.1:6379:
  docker run -d -p 127.0.0.1:6379:6379 redis:7-alpine redis-server --appendonly yes --maxmemory-policy noeviction`;

/** @returns {string} the program's path */
export function ensureRedisServer() {
  return ensureProgram({
    names: ['redis-server', 'valkey-server'],
    debian: 'redis-server',
    note: '(the program only: no service is started now)',
    remedy,
  });
}

if (process.argv[1] && realpathSync(process.argv[1]) === import.meta.filename) {
  say(`Redis program: ${ensureRedisServer()}`);
}
