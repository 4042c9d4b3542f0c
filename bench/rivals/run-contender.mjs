// One contender in one scenario: a simulator, a folder and a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSimulator } from '../../dist/simulator/start-simulator.js';
import { startAdapter } from './adapters/start-adapter.mjs';
import { writeBriefs } from './briefs.mjs';
import { figuresOf } from './figures.mjs';

/** Far more than any of them needs: one that hangs is ended, and measured as it is. */
const longestRunMs = 15 * 60_000;

export async function runContender(contender, scenario, { briefs, seed, speed, keep }) {
  const folder = await mkdtemp(join(tmpdir(), 'rivya-rivals-'));
  await mkdir(join(folder, 'out'));
  await writeBriefs(folder, briefs);
  const simulator = await startSimulator({ seed, speed, tinyMedia: true, ...scenario.settings });
  const adapter = contender.protocol && (await startAdapter(contender.protocol, simulator.origin));
  const start = () => startProcess(contender, { origin: (adapter ?? simulator).origin, folder });
  const startedAt = performance.now();
  try {
    const killed = scenario.kill && (await killAtHalfTime(await start(), simulator, briefs.length));
    await ended(await start());
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    const saved = await savedIds(join(folder, contender.filesIn));
    const bill = simulator.bill();
    if (adapter && adapter.relayed() !== bill.requests.total) {
      throw new Error(`${adapter.relayed()} requests became ${bill.requests.total}.`);
    }
    const course = { starts: scenario.kill ? 2 : 1, killed, seconds };
    return figuresOf({ bill, briefs, saved, course });
  } finally {
    adapter?.close();
    await simulator.close();
    await contender.leaveNothing(folder);
    if (keep) console.error(`${contender.name}, ${scenario.name}: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

async function startProcess(contender, place) {
  const said = await open(join(place.folder, 'said.log'), 'a');
  const child = spawn(process.execPath, contender.parameters(place), {
    cwd: place.folder,
    stdio: ['ignore', said.fd, said.fd],
    // Nothing of your own set-up: no key, no Redis, no proxy.
    env: { PATH: process.env.PATH, HOME: place.folder, ...contender.environment(place) },
  });
  child.once('close', () => said.close());
  return child;
}

async function ended(child) {
  const tooLong = setTimeout(() => child.kill('SIGKILL'), longestRunMs);
  await once(child, 'close');
  clearTimeout(tooLong);
}

/** Half of the tasks there should be are billed. False: it gave up earlier, and there was nothing to kill. */
async function killAtHalfTime(child, simulator, count) {
  const end = ended(child);
  const isOver = () => child.exitCode !== null;
  while (!isOver() && simulator.bill().total.tasks < count / 2) await sleep(20);
  const killed = child.kill('SIGKILL');
  await end;
  return killed;
}

/** The briefs whose file is there and not empty; all name their files by the brief's id. */
async function savedIds(folder) {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  const whole = names.filter((name, index) => extname(name) === '.png' && sizes[index] > 0);
  return new Set(whole.map((name) => basename(name, '.png')));
}
