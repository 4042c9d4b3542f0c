// Makes sure that this machine has a Redis program, for the repository's own demo and tests.
// The product itself never installs anything. Plain JavaScript: it runs before there is a build.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const programs = ['redis-server', 'valkey-server'];
/** The same places in which the product looks besides PATH. */
const usualFolders = [
  '/usr/sbin',
  '/usr/local/bin',
  '/usr/local/sbin',
  '/opt/homebrew/bin',
  '/home/linuxbrew/.linuxbrew/bin',
];

/**
 * Runs as root. While /usr/sbin/policy-rc.d says 101, Debian's packages start no service: the system's own
 * Redis would take port 6379. An existing policy is the administrator's and stays; ours goes in any case.
 */
const installScript = `
policy=/usr/sbin/policy-rc.d
mark='rivya-batch: removed after the installation'
if [ ! -e "$policy" ] || grep -q "$mark" "$policy"; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\\n# %s\\nexit 101\\n' "$mark" > "$policy" && chmod 755 "$policy" || exit 1
fi
apt-get -o DPkg::Lock::Timeout=120 update || echo 'apt-get update failed; trying with the lists that are there.' >&2
apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends redis-server
`;

/**
 * Finds a Redis program, or installs Debian's `redis-server` where that needs no question (as root, or with
 * passwordless sudo). Where it cannot, it says what to type and ends the process with code 1.
 * @returns {string} the program's path
 */
export function ensureRedisServer() {
  const found = findProgram(programs);
  if (found) return found;
  const root = hasApt() ? rootPrefix() : null;
  if (root === null) giveUp('No redis-server or valkey-server was found on this machine.');
  say(
    `No redis-server found. Installing Debian's package: ${[...root, 'apt-get'].join(' ')} install redis-server`,
  );
  say('(the program only: no service is started now)');
  const [command, ...rest] = [
    ...root,
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    'sh',
    '-c',
    installScript,
  ];
  const { status, error } = keepAliveDuring(() =>
    // apt's output goes to stderr: stdout belongs to the script that asked.
    spawnSync(command, rest, { stdio: ['ignore', 2, 2] }),
  );
  const installed = findProgram(programs);
  if (installed) return installed;
  return giveUp(`The installation failed (${error?.message ?? `code ${status}`}); see above.`);
}

/** Ctrl+C ends apt, which is in the same terminal; this process waits for its clean-up and then fails. */
function keepAliveDuring(work) {
  const stay = () => say('Interrupted: waiting for the package manager to end.');
  process.on('SIGINT', stay);
  process.on('SIGTERM', stay);
  try {
    return work();
  } finally {
    process.off('SIGINT', stay);
    process.off('SIGTERM', stay);
  }
}

function findProgram(names) {
  const folders = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder.startsWith('/'));
  const paths = names.flatMap((name) =>
    [...folders, ...usualFolders].map((folder) => join(folder, name)),
  );
  return paths.find(canRun) ?? null;
}

function canRun(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not there, or not for us.
    return false;
  }
}

function hasApt() {
  if (process.platform !== 'linux' || !findProgram(['apt-get'])) return false;
  try {
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    // A Linux without the file is not one of Debian's family.
    return false;
  }
}

/** What to put before a command to run it as root without being asked; null where that is not possible. */
function rootPrefix() {
  if (process.getuid() === 0) return [];
  const canSudo = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0;
  return canSudo ? ['sudo', '-n'] : null;
}

function giveUp(reason) {
  say(`${reason} Install it with the line for your system:
  Debian, Ubuntu   sudo apt-get install -y redis-server
  Fedora, RHEL     sudo dnf install -y valkey || sudo dnf install -y redis
  Alpine           sudo apk add redis
  macOS            brew install redis
or start one with Docker, and set REDIS_URL=redis://127.0.0.1:6379:
  docker run -d -p 127.0.0.1:6379:6379 redis:7-alpine redis-server --appendonly yes --maxmemory-policy noeviction`);
  process.exit(1);
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

if (process.argv[1] && realpathSync(process.argv[1]) === import.meta.filename) {
  say(`Redis program: ${ensureRedisServer()}`);
}
