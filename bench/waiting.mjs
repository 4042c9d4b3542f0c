// What waiting costs Redis, and how soon things go on: real `worker` and `run` processes that can do nothing for now.
//   node bench/waiting.mjs [--batches 1,30,300] [--kinds paused,...] [--only run|worker] [--seconds 20] [--what]
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { StageQueues } from '../dist/shared/queues.js';
import { startSimulator } from '../dist/simulator/start-simulator.js';
import { openWarm, runToEnd, settingsOf, start } from './command-line.mjs';
import { sumOf, watchCommands } from './count-commands.mjs';
import { openStand, round } from './stand.mjs';

const { values: options } = parseArgs({
  options: {
    batches: { type: 'string', default: '1,30,300' },
    kinds: { type: 'string' },
    only: { type: 'string' },
    seconds: { type: 'string', default: '20' },
    what: { type: 'boolean', default: false },
  },
});
const sizes = options.batches.split(',').map(Number);
const windowMs = Number(options.seconds) * 1000;
/** Until probes and looks are as far apart as they get in a minute. */
const settleMs = 10_000;
/** Nothing that goes on by itself takes longer: a probe comes after a minute at most. */
const patienceMs = 150_000;
const briefsEach = 5;
/** Three credits a brief, so that a cap of two lets none pass. */
const model = ['--model', 'nano-banana', '--id', 'sku', '--prompt', 'Photo of {{title}}'];
const limits = ['--rate', '50', '--in-flight', '1000'];
const prefix = 'waiting';
const taskMs = settleMs + windowMs + 30_000;

const stand = await openStand();
const api = { simulator: await startSimulator({ tinyMedia: true }) };
const { origin, port } = api.simulator;
const environment = {
  ...settingsOf({ folder: stand.folder, origin, redisUrl: stand.url }),
  RIVYA_BATCH_PREFIX: prefix,
};
const nameOf = (n) => `b${String(n).padStart(3, '0')}`;
const rows = Array.from({ length: briefsEach }, (_, n) => `s${n},Product ${n}`);
await writeFile(join(stand.folder, 'in.csv'), `sku,title\n${rows.join('\n')}\n`);

/** Each: how the API is, what holds the batches, and the event after which work goes on. */
const kinds = {
  idle: { batches: 0 },
  'no credits': {
    api: { credits: 0 },
    async event() {
      const at = Date.now();
      api.simulator.control({ credits: 1e6 });
      return at;
    },
    probe: 'credits',
  },
  'at a cap': {
    capped: ['--max-credits', '2'],
    async event() {
      await runToEnd(environment, enqueueOf(1, ['--max-credits', 'none']));
      return Date.now();
    },
  },
  paused: {
    async hold(count) {
      for (let n = 1; n <= count; n += 1) {
        const queues = new StageQueues(stand.redis, prefix, nameOf(n));
        await queues.pause();
        await queues.close();
      }
    },
    async event() {
      await runToEnd(environment, ['resume', nameOf(1)]);
      return Date.now();
    },
  },
  'places taken': {
    api: { durationMs: taskMs },
    limits: ['--in-flight', '2'],
    /** The place is free once a look at its task has found it done. */
    async event() {
      const log = await requests();
      const endsAt = log.find(({ endpoint }) => endpoint === 'submit').at + taskMs;
      return (await nextRequest('read', endsAt)).at;
    },
  },
  'API down (503)': {
    api: { faults: ['page=503'] },
    async event() {
      const at = Date.now();
      api.simulator.control({ faults: [] });
      return at;
    },
  },
  'API down (refused)': {
    api: null,
    async event() {
      await startApi({});
      return Date.now();
    },
  },
};

/** The simulator at the one address that the batches belong to; null: nobody listens there. */
async function startApi(settings) {
  await api.simulator?.close();
  api.simulator = null;
  if (settings !== null)
    api.simulator = await startSimulator({ port, tinyMedia: true, ...settings });
}

function enqueueOf(n, more = []) {
  return ['enqueue', 'in.csv', '--batch', nameOf(n), ...model, ...more];
}

async function requests() {
  const answer = await fetch(`${origin}/simulator/bill?requests=1`);
  return (await answer.json()).requestLog;
}

/** Looks and probes that the API got; null where it is not there. */
async function countRequests(from, to) {
  if (api.simulator === null) return null;
  return (await requests()).filter(({ at }) => at >= from && at < to).length;
}

async function nextRequest(endpoint, sinceMs, nth = 1) {
  const untilMs = Date.now() + patienceMs;
  while (Date.now() < untilMs) {
    const found = (await requests()).filter(
      (request) => request.endpoint === endpoint && request.at >= sinceMs,
    );
    if (found.length >= nth) return found[nth - 1];
    await sleep(100);
  }
  return null;
}

/** All keys as they are: a batch is queued once, and taken from here for each kind of waiting. */
async function keepState() {
  const kept = [];
  for await (const keys of stand.redis.scanStream({ count: 1000 })) {
    for (const key of keys) {
      const [dump, lifeMs] = await Promise.all([
        stand.redis.dumpBuffer(key),
        stand.redis.pttl(key),
      ]);
      kept.push([key, Math.max(0, lifeMs), dump]);
    }
  }
  return kept;
}

async function setState(kept) {
  await stand.redis.flushall();
  await Promise.all(kept.map((entry) => stand.redis.restore(...entry)));
}

/** What Redis holds with so many batches, for each of the sizes. */
async function queueBatches(more) {
  await stand.redis.flushall();
  const states = new Map([[0, []]]);
  const warm = openWarm(environment);
  for (let n = 1; n <= Math.max(...sizes); n += 1) {
    await warm.run(enqueueOf(n, more));
    if (sizes.includes(n)) states.set(n, await keepState());
  }
  warm.end();
  return states;
}

/** A batch of the same name in a folder is believed to be the same. */
async function removeResults() {
  await rm(join(stand.folder, 'out'), { recursive: true, force: true });
}

async function connections() {
  return (await stand.redis.client('LIST')).trim().split('\n').length;
}

/** Commands and connections of a process while nothing can be done; null where it has ended. */
async function measure(running, connectedBefore) {
  await Promise.race([sleep(settleMs), running.ended]);
  const connected = (await connections()) - connectedBefore;
  const watched = await watchCommands(stand.redis);
  const before = await stand.commandCount();
  const from = Date.now();
  await Promise.race([sleep(windowMs), running.ended]);
  const to = Date.now();
  // Without the two of ours.
  const total = (await stand.commandCount()) - before - 1;
  const counts = await watched.end();
  const { exitCode } = running.child;
  if (exitCode !== null) return { ended: exitCode };
  counts.delete('info');
  return {
    total,
    sent: sumOf(counts).sent,
    counts,
    connected,
    requests: await countRequests(from, to),
  };
}

/** How soon a request goes out after the event, and how soon ten have. */
async function timeEvent(kind, count) {
  if (!kind.event) return {};
  const calledAt = Date.now();
  const at = await kind.event();
  const first = await nextRequest('submit', calledAt);
  if (first === null) return { 'event to POST, ms': 'none came' };
  const probe = kind.probe && (await nextRequest(kind.probe, at));
  const many = count >= 30 && kind.probe !== undefined ? await nextRequest('submit', at, 30) : null;
  return {
    'event to POST, ms': first.at - at,
    ...(probe && { 'probe to POST, ms': first.at - probe.at }),
    ...(many && { 'to the 30th, ms': many.at - at }),
  };
}

async function play(name, parameters, { state, count }) {
  const kind = kinds[name];
  await setState(state);
  await kind.hold?.(count);
  await startApi(kind.api === undefined ? {} : kind.api);
  const connectedBefore = await connections();
  const running = start(environment, [...parameters, ...limits, ...(kind.limits ?? [])]);
  try {
    while (
      parameters[0] === 'worker' &&
      running.output().split('working on batch').length <= count &&
      running.child.exitCode === null
    ) {
      await sleep(100);
    }
    const measured = await measure(running, connectedBefore);
    if ('ended' in measured) return { ended: `code ${measured.ended}` };
    if (options.what) tellWhat(`${parameters[0]}, ${count}, ${name}`, measured.counts);
    return {
      'commands/s': round(measured.total / (windowMs / 1000), 1),
      'sent/s': round(measured.sent / (windowMs / 1000), 1),
      connections: measured.connected,
      'requests in it': measured.requests,
      ...(await timeEvent(kind, count)),
    };
  } finally {
    running.child.kill('SIGKILL');
    await running.ended;
  }
}

function tellWhat(title, counts) {
  console.log(title);
  const sorted = [...counts].sort(([, a], [, b]) => b.commands - a.commands).slice(0, 12);
  console.table(Object.fromEntries(sorted));
}

const chosen = options.kinds?.split(',') ?? Object.keys(kinds);
const table = [];
const note = (process, batches, waiting, figures) => {
  const row = { process, batches, waiting, ...figures };
  console.error(JSON.stringify(row));
  table.push(row);
};
if (options.only !== 'worker') {
  const run = ['run', 'in.csv', '--out', 'out', '--batch', nameOf(1), ...model];
  for (const name of chosen.filter((name) => name !== 'idle')) {
    await stand.redis.flushall();
    await removeResults();
    await startApi({});
    // What is to be held before it runs has to be there.
    if (kinds[name].hold) await runToEnd(environment, [...enqueueOf(1), '--out', 'out']);
    const state = await keepState();
    const parameters = [...run, ...(kinds[name].capped ?? [])];
    note('run', 1, name, await play(name, parameters, { state, count: 1 }));
  }
}
if (options.only !== 'run') {
  await startApi({});
  const plain = await queueBatches([]);
  const capped = chosen.includes('at a cap') ? await queueBatches(kinds['at a cap'].capped) : null;
  for (const name of chosen) {
    for (const count of name === 'idle' ? [0] : sizes) {
      const state = (kinds[name].capped ? capped : plain).get(count);
      await removeResults();
      note('worker', count, name, await play(name, ['worker', '--out', 'out'], { state, count }));
    }
  }
}
console.table(table);
await startApi(null);
await stand.close();
