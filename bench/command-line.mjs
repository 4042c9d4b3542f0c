// The program itself, as a person or a service manager starts it.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../dist/bin/rivya-batch.js', import.meta.url));

/** Settings of one key at one API and one Redis; without `redisUrl` the program starts a private one. */
export function settingsOf({ folder, origin, redisUrl = '' }) {
  return {
    PATH: process.env.PATH,
    HOME: folder,
    RIVYA_BASE_URL: origin,
    RIVYA_API_KEY: 'rvya_sk_bench',
    ...(redisUrl && { REDIS_URL: redisUrl }),
  };
}

/** @param environment what `settingsOf` returned, which names the folder as well */
export function start(environment, parameters) {
  const child = spawn(process.execPath, [main, ...parameters], {
    cwd: environment.HOME,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  child.on('exit', () => process.off('exit', kill));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  return { child, ended: once(child, 'exit'), output: () => output };
}

/** @throws where it ends otherwise than with one of these codes */
export async function runToEnd(environment, parameters, codes = [0]) {
  const running = start(environment, parameters);
  const [code] = await running.ended;
  if (codes.includes(code)) return running.output();
  throw new Error(`${parameters[0]} ended with ${code}: ${running.output().slice(-2_000)}`);
}

const warmLoop = fileURLToPath(new URL('../test/support/warm-loop.mjs', import.meta.url));

/** Short commands one after another, for hundreds of them: most of what each takes alone is loading its modules. */
export function openWarm(environment) {
  const child = fork(warmLoop, [main, 'end'], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let output = '';
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  return {
    async run(parameters) {
      const ended = once(child, 'message');
      child.send({ parameters, folder: environment.HOME, environment });
      const [{ code }] = await ended;
      if (code !== 0)
        throw new Error(`${parameters[0]} ended with ${code}: ${output.slice(-2_000)}`);
    },
    end: () => child.disconnect(),
  };
}
