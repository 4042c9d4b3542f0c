// Finds a program that the repository's own scripts need, or installs Debian's package of it. The product itself never
// installs anything. Plain JavaScript: it runs before there is a build.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

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
apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$1"
`;

/**
 * Finds one of these programs, or installs Debian's package where that needs no question (as root, or with passwordless
 * sudo). Where it cannot, it says what to type and ends the process with code 1.
 * @param {{ names: string[], debian: string, note: string, remedy: string }} wanted
 * @returns {string} the program's path
 */
export function ensureProgram({ names, debian, note, remedy }) {
  const found = findProgram(names);
  if (found) return found;
  const giveUp = (reason) => {
    say(`${reason} ${remedy}`);
    process.exit(1);
  };
  const root = hasApt() ? rootPrefix() : null;
  if (root === null) giveUp(`No ${names.join(' or ')} was found on this machine.`);
  const line = [...root, 'apt-get', 'install', debian].join(' ');
  say(`No ${names[0]} found. Installing Debian's package: ${line}`);
  say(note);
  const script = ['env', 'DEBIAN_FRONTEND=noninteractive', 'sh', '-c', installScript, 'install'];
  const [command, ...rest] = [...root, ...script, debian];
  const { status, error } = keepAliveDuring(() =>
    // apt's output goes to stderr: stdout belongs to the script that asked.
    spawnSync(command, rest, { stdio: ['ignore', 2, 2] }),
  );
  const installed = findProgram(names);
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

export function say(text) {
  process.stderr.write(`${text}\n`);
}
