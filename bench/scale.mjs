// Whole runs of so many briefs, end to end: the real `run` with its private Redis, against the API without latency. The
// largest one is killed twice on the way, and goes on by the same command. A million takes half an hour and 30 GB.
//   node bench/scale.mjs [1000 10000 100000 ...]
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { settingsOf, start } from './command-line.mjs';
import { LineCount, mapping, round, startApi, writeProducts } from './stand.mjs';

const sizes = process.argv.slice(2).map(Number);
if (sizes.length === 0) sizes.push(1_000, 10_000, 100_000);
const killedAt = [1 / 3, 2 / 3];
const lookEveryMs = 250;
const { model, prompt, id } = mapping;
const run = ['run', 'in.csv', '--out', 'out', '--model', model, '--prompt', prompt, '--id', id];
/** No pace, no place and no slot is what it waits for. */
const limits = ['--rate', '1000000', '--in-flight', '1000000', '--concurrency', '32'];

/** MB that a process had at most (Linux); 0 where it is gone. */
async function peakMemory({ child }) {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

/** A command to its end, with what it takes. */
async function take(environment, parameters) {
  const startedAt = performance.now();
  const running = start(environment, parameters);
  let peak = 0;
  while (running.child.exitCode === null) {
    await Promise.race([sleep(lookEveryMs), running.ended]);
    peak = Math.max(peak, await peakMemory(running));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return { code: running.child.exitCode, seconds, peak, output: running.output() };
}

/** The run itself, killed as often as it is told to be, and gone on with. */
async function runAll(environment, count, killShares) {
  const lines = new LineCount(join(environment.HOME, 'out', 'manifest.jsonl'));
  const redis = new Redis({
    path: join(environment.HOME, '.rivya-batch', 'redis.sock'),
    retryStrategy: () => 500,
    maxRetriesPerRequest: 0,
  });
  redis.on('error', () => undefined);
  const kills = killShares.map((share) => share * count);
  const peaks = { run: 0, redis: 0 };
  /** When so many tenths had their line. */
  const tenthsAt = [];
  const startedAt = performance.now();
  let running = start(environment, [...run, ...limits]);
  while (running.child.exitCode === null) {
    await Promise.race([sleep(lookEveryMs), running.ended]);
    const done = await lines.look();
    while (done >= ((tenthsAt.length + 1) * count) / 10) {
      tenthsAt.push(performance.now());
      console.error(`${count}: ${done} lines, ${JSON.stringify(peaks)}`);
    }
    peaks.run = Math.max(peaks.run, Math.round(await peakMemory(running)));
    const memory = await redis.info('memory').catch(() => '');
    const peak = Number(/used_memory_peak:(\d+)/.exec(memory)?.[1] ?? 0) / 1e6;
    peaks.redis = Math.max(peaks.redis, Math.round(peak));
    if (done < (kills[0] ?? Number.POSITIVE_INFINITY)) continue;
    kills.shift();
    running.child.kill('SIGKILL');
    await running.ended;
    running = start(environment, [...run, ...limits]);
  }
  redis.disconnect();
  const { exitCode } = running.child;
  if (exitCode !== 0)
    throw new Error(`run ended with ${exitCode}: ${running.output().slice(-2_000)}`);
  const perSecond = (from, to) =>
    Math.round((((to - from) / 10) * count * 1000) / (tenthsAt[to - 1] - tenthsAt[from - 1]));
  return {
    'briefs/s': Math.round((count * 1000) / (performance.now() - startedAt)),
    'at 10 to 30 %': perSecond(1, 3),
    'at 70 to 90 %': perSecond(7, 9),
    'run, MB': peaks.run,
    'Redis, MB': peaks.redis,
  };
}

async function play(count, killShares) {
  const folder = await mkdtemp(join(tmpdir(), 'rivya-scale-'));
  const api = await startApi();
  try {
    await writeProducts(join(folder, 'in.csv'), count);
    const environment = settingsOf({ folder, origin: api.origin });
    const figures = await runAll(environment, count, killShares);
    const bill = await api.bill();
    const verified = await take(environment, ['verify', 'out']);
    const again = await take(environment, [...run, ...limits]);
    const after = await api.bill();
    return {
      briefs: count,
      kills: killShares.length,
      ...figures,
      verify: verified.code === 0 ? 'clean' : verified.output.slice(-500),
      'verify, s': round(verified.seconds, 1),
      'verify, MB': Math.round(verified.peak),
      'again, s': round(again.seconds, 1),
      'again, MB': Math.round(again.peak),
      'tasks, keys, paid twice': [after.tasks, after.keys, after.billedTwice].join(', '),
      'requests a brief': round(
        (bill.byEndpoint.submit[200] + bill.byEndpoint.read[200]) / count,
        3,
      ),
    };
  } finally {
    api.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

const table = [];
for (const count of sizes) {
  table.push(await play(count, count === Math.max(...sizes) ? killedAt : []));
  console.error(JSON.stringify(table.at(-1)));
}
console.table(table);
