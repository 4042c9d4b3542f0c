import { expect, test } from 'vitest';
import { type Machine, parseDistributions } from '../../../src/store/private/home.js';
import { missingRedisError } from '../../../src/store/private/start-redis.js';

const machine: Machine = {
  platform: 'linux',
  searchPath: '',
  runtimeFolder: null,
  temporaryFolder: '/tmp',
  userId: 1000,
  distributions: [],
};

test.each([
  ['ID=debian\n', 'sudo apt-get update && sudo apt-get install -y redis-server'],
  ['NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n', 'sudo apt-get install'],
  ['ID="rocky"\nID_LIKE="rhel centos fedora"\n', 'sudo dnf install -y valkey'],
  ['ID=alpine\nVERSION_ID=3.22\n', 'sudo apk add redis'],
  ['ID=arch\n', 'sudo pacman -S --noconfirm valkey'],
  ['', "your system's package manager"],
])('on Linux with %j says %s', (osRelease, line) => {
  const { code, message } = missingRedisError({
    ...machine,
    distributions: parseDistributions(osRelease),
  });
  expect(code).toBe('redis_missing');
  expect(message).toContain(line);
  expect(message).toContain('docker run -d -p 127.0.0.1:6379:6379 redis:7-alpine redis-server');
  expect(message).toContain('REDIS_URL');
});

test('says brew on macOS, no sudo to root, and WSL or Docker on Windows', () => {
  expect(missingRedisError({ ...machine, platform: 'darwin' }).message).toContain(
    'brew install redis',
  );
  const root = missingRedisError({ ...machine, userId: 0, distributions: ['debian'] });
  expect(root.message).not.toContain('sudo');
  const windows = missingRedisError({ ...machine, platform: 'win32', userId: null });
  expect(windows.message).toContain('WSL');
  expect(windows.message).toContain('docker run');
});
