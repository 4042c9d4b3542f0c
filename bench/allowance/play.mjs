import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSimulator } from '../../dist/simulator/start-simulator.js';

const main = join(import.meta.dirname, '../../dist/bin/rivya-batch.js');

/** Requests, refusals and finished briefs so far, by the simulator's own count. */
function countsOf(simulator) {
  const { requests, refusals } = simulator.bill();
  const finished = requests.byEndpoint.download?.[200] ?? 0;
  return { total: requests.total, refusals, finished };
}

/** Real `enqueue` and `worker` processes against a simulated API; images as in life, no picture worth looking at. */
export async function play(name, scenario, { folder: base, redisUrl }) {
  const { limit, told, processes, halvedAtS } = scenario;
  const folder = join(base, name.replaceAll(/\W+/g, '-'));
  await mkdir(folder);
  const simulator = await startSimulator({ rate: limit, credits: 1e9, tinyMedia: true });
  const environment = {
    ...process.env,
    RIVYA_BASE_URL: simulator.origin,
    RIVYA_API_KEY: 'rvya_sk_bench',
    REDIS_URL: redisUrl,
    RIVYA_BATCH_PREFIX: basename(folder),
  };
  const start = (parameters) =>
    spawn(process.execPath, [main, ...parameters], {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  const lengthS = scenario.spans.at(-1)[1];
  const perSecond = (limit.limit * 1000) / (limit.windowMs ?? 1000);
  await writeFile(join(folder, 'in.jsonl'), briefs(Math.ceil(perSecond * lengthS) + 100));
  const enqueued = start(['enqueue', 'in.jsonl', '--model', 'z-image']);
  await once(enqueued, 'exit');
  const limits = ['--in-flight', '10000', '--concurrency', '64'];
  if (told !== null) limits.push('--rate', String(told));
  const workers = Array.from({ length: processes }, () =>
    start(['worker', '--out', 'out', ...limits]),
  );
  while (simulator.bill().requests.total === 0) await sleep(50);
  const figures = await watch(simulator, { scenario, perSecond, halvedAtS });
  for (const worker of workers) worker.kill('SIGKILL');
  await simulator.close();
  return figures.map((figure) => ({ scenario: name, ...figure }));
}

function briefs(count) {
  const lines = Array.from({ length: count }, (_, index) =>
    JSON.stringify({ id: `b${index}`, prompt: `Picture ${index}` }),
  );
  return `${lines.join('\n')}\n`;
}

async function watch(simulator, { scenario, perSecond, halvedAtS }) {
  const startedAtMs = performance.now();
  const until = (seconds) => sleep(Math.max(0, startedAtMs + seconds * 1000 - performance.now()));
  const figures = [];
  let before = null;
  for (const [from, to] of scenario.spans) {
    await until(from);
    if (from === halvedAtS) {
      simulator.control({ rate: { ...scenario.limit, limit: scenario.limit.limit / 2 } });
    }
    before ??= countsOf(simulator);
    if (figures.length > 0 && scenario.spans[figures.length - 1][1] !== from) {
      before = countsOf(simulator);
    }
    await until(to);
    const after = countsOf(simulator);
    const allowed =
      (halvedAtS !== undefined && from >= halvedAtS ? perSecond / 2 : perSecond) * (to - from);
    figures.push(figureOf({ before, after, allowed, span: `${from} to ${to} s` }));
    before = after;
  }
  return figures;
}

function figureOf({ before, after, allowed, span }) {
  const finished = after.finished - before.finished;
  const refused = after.refusals - before.refusals;
  const total = after.total - before.total;
  return {
    span,
    'briefs finished': finished,
    'share of the ideal': Number(((2 * finished) / allowed).toFixed(3)),
    'allowance used': Number(((total - refused) / allowed).toFixed(3)),
    'requests a brief': Number(((total - refused) / Math.max(1, finished)).toFixed(2)),
    'refused, %': Number(((100 * refused) / Math.max(1, total)).toFixed(2)),
  };
}
