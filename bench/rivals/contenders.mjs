// Who takes part: the command that each is, where its files land, and the adapter that it needs.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { falProtocol } from './adapters/fal-protocol.mjs';
import { replicateProtocol } from './adapters/replicate-protocol.mjs';
import { model } from './briefs.mjs';

/** Our default for running tasks, and what the scripts give to p-limit. */
export const atOnce = 8;

const script = (name) => fileURLToPath(new URL(`./scripts/${name}`, import.meta.url));
const program = fileURLToPath(new URL('../../dist/bin/rivya-batch.js', import.meta.url));

export const contenders = [
  {
    name: 'rivya-batch run',
    versions: { 'rivya-batch': versionIn('../../package.json') },
    protocol: null,
    filesIn: 'out/assets',
    /** Its own defaults throughout: the pace is learned, beginning with 2 requests a second. */
    parameters: () => [program, ...'run briefs.csv --out out --model'.split(' '), model],
    environment: ({ origin, folder }) => ({
      RIVYA_BASE_URL: origin,
      RIVYA_API_KEY: 'rvya_sk_rivals',
      RIVYA_BATCH_HOME: join(folder, 'home'),
      RIVYA_BATCH_PARAM: 'aspect_ratio=1:1',
    }),
    leaveNothing: stopPrivateRedis,
  },
  scriptContender('replicate', {
    file: 'with-replicate.mjs',
    packages: ['replicate', 'p-limit'],
    protocol: replicateProtocol,
  }),
  scriptContender('@fal-ai/client', {
    file: 'with-fal.mjs',
    packages: ['@fal-ai/client', 'p-limit'],
    protocol: falProtocol,
  }),
  scriptContender('p-limit + p-retry, 3 times', {
    file: 'by-hand.mjs',
    packages: ['p-limit', 'p-retry'],
    protocol: null,
  }),
];

function scriptContender(name, { file, packages, protocol }) {
  const version = (packageName) => versionIn(`node_modules/${packageName}/package.json`);
  return {
    name,
    versions: Object.fromEntries(packages.map((each) => [each, version(each)])),
    protocol,
    filesIn: 'out',
    parameters: ({ origin }) => [script(file), origin, 'briefs.json', 'out', String(atOnce)],
    environment: () => ({}),
    leaveNothing: () => undefined,
  };
}

/** It stops with the last command; one that was killed last, or that hung, would leave it behind. */
async function stopPrivateRedis(folder) {
  const pid = Number(await readFile(join(folder, 'home/redis/redis.pid'), 'utf8').catch(() => '0'));
  try {
    if (pid > 0) process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function versionIn(path) {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version;
}
