// From a kill -9 of a worker to the next request for one of the briefs that it had in hand: with another worker beside
// it, and alone, started again at once.
//   node bench/crash.mjs [KILLS]
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, request as send } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSimulator } from '../dist/simulator/start-simulator.js';
import { runToEnd, settingsOf, start } from './command-line.mjs';
import { openStand, round } from './stand.mjs';

const kills = Number(process.argv[2] ?? 10);
/** So slow is the API, and so many requests a second it gets: a worker has some in hand at any moment. */
const answerMs = 500;
const limits = ['--rate', '24', '--in-flight', '200'];
const briefs = kills * 400;
/** So long until whoever was started has work in hand. */
const warmUpMs = 6_000;
/** Long after any lock has run out. */
const patienceMs = 90_000;

/**
 * The simulator behind a slow line: what was asked for each brief, and what was broken off. A brief is known by the key
 * of its submission, its status checks and downloads by the task that was the answer.
 */
async function startSlowApi() {
  const simulator = await startSimulator({ tinyMedia: true, durationMs: 2_000, credits: 1e9 });
  const briefOfTask = new Map();
  const seen = [];
  const server = createServer(async (request, response) => {
    const task = /task_\w+/.exec(request.url)?.[0];
    const brief = request.headers['idempotency-key'] ?? briefOfTask.get(task);
    const entry = { brief, at: performance.now(), brokenOffAt: null };
    if (brief !== undefined) seen.push(entry);
    response.on('close', () => {
      if (!response.writableFinished) entry.brokenOffAt = performance.now();
    });
    const { method, url: path, headers } = request;
    const passed = send({ port: simulator.port, method, path, headers });
    request.pipe(passed);
    const [answer] = await once(passed, 'response');
    const body = Buffer.concat(await answer.toArray());
    if (method === 'POST' && answer.statusCode < 300) briefOfTask.set(JSON.parse(body).id, brief);
    await sleep(answerMs);
    response.writeHead(answer.statusCode, answer.headers).end(body);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    bill: () => simulator.bill(),
    /** What was broken off since then, by brief. */
    brokenOffSince: (at) =>
      new Set(seen.filter(({ brokenOffAt }) => brokenOffAt >= at).map(({ brief }) => brief)),
    nextRequest: (brief, since) => seen.find((entry) => entry.brief === brief && entry.at > since),
    async close() {
      server.closeAllConnections();
      server.close();
      await simulator.close();
    },
  };
}

/** @returns ms from the kill to the next request for the first, and for the last, of the briefs in hand */
async function kill(api, worker, afterKill) {
  const killedAt = performance.now();
  worker.child.kill('SIGKILL');
  await afterKill();
  await worker.ended;
  await sleep(200);
  const inHand = [...api.brokenOffSince(killedAt)];
  if (inHand.length === 0) return null;
  let next = [];
  while (next.length < inHand.length && performance.now() - killedAt < patienceMs) {
    await sleep(50);
    next = inHand.flatMap((brief) => api.nextRequest(brief, killedAt) ?? []);
  }
  const waitedMs = next.map(({ at }) => at - killedAt).sort((a, b) => a - b);
  if (waitedMs.length < inHand.length) waitedMs.push(Number.POSITIVE_INFINITY);
  return { inHand: inHand.length, firstMs: waitedMs[0], lastMs: waitedMs.at(-1) };
}

async function play(stand, name, processes) {
  const api = await startSlowApi();
  const environment = {
    ...settingsOf({ folder: stand.folder, origin: api.origin, redisUrl: stand.url }),
    RIVYA_BATCH_PREFIX: `crash${processes}`,
  };
  const out = `out${processes}`;
  await runToEnd(environment, ['enqueue', 'in.jsonl', '--model', 'z-image', '--out', out]);
  const begin = () => start(environment, ['worker', ...limits]);
  const workers = Array.from({ length: processes }, begin);
  const measured = [];
  while (measured.length < kills) {
    await sleep(warmUpMs);
    const victim = workers.shift();
    // Alone, it is started again at once; beside another, when that one has taken over.
    const alone = workers.length === 0;
    const took = await kill(api, victim, async () => {
      if (alone) workers.push(begin());
    });
    if (!alone) workers.push(begin());
    if (took === null) continue;
    console.error(name, JSON.stringify(took));
    measured.push(took);
  }
  for (const worker of workers) worker.child.kill('SIGKILL');
  await Promise.all(workers.map(({ ended }) => ended));
  const { billedTwice } = api.bill();
  await api.close();
  return {
    kills: measured.length,
    'briefs in hand': measured.reduce((sum, { inHand }) => sum + inHand, 0),
    ...spread(
      'to the first',
      measured.map(({ firstMs }) => firstMs),
    ),
    ...spread(
      'to the last',
      measured.map(({ lastMs }) => lastMs),
    ),
    'paid twice': billedTwice.length,
  };
}

function spread(what, times) {
  const sorted = times.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const medianMs = (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
  return {
    [`${what}, median s`]: round(medianMs / 1000, 1),
    [`${what}, worst s`]: round(sorted.at(-1) / 1000, 1),
  };
}

const stand = await openStand();
const lines = Array.from({ length: briefs }, (_, n) =>
  JSON.stringify({ id: `b${n}`, prompt: `Picture ${n}` }),
);
await writeFile(join(stand.folder, 'in.jsonl'), `${lines.join('\n')}\n`);
const table = {
  'one of two workers': await play(stand, 'one of two', 2),
  'the only worker, started again at once': await play(stand, 'alone', 1),
};
console.log('From kill -9 to the next request for a brief that the process had in hand');
console.table(table);
await stand.close();
