import { join } from 'node:path';
import { startSimulator } from '../../dist/simulator/start-simulator.js';
import { RoundInput } from './round-input.mjs';
import { RoundProcess } from './round-process.mjs';
import { openRedis } from './round-redis.mjs';

export const plentyOfCredits = 1_000_000;

/** Everything of one round: simulator, Redis, processes (not started yet) and what is counted. */
export async function setUpRound(plan, place) {
  const simulator = await startSimulator({
    speed: 20,
    tinyMedia: true,
    seed: plan.seed + plan.round,
    credits: plentyOfCredits,
    faults: plan.faults,
    ...(plan.taskMs > 0 ? { durationMs: plan.taskMs } : {}),
    ...(plan.keyLife ? { keyLifetimeMs: plan.keyLife.simulatorMs } : {}),
  });
  const input = new RoundInput(place, plan);
  const redis = openRedis(plan.redis, place);
  await redis.ready();
  const startedAtMs = Date.now();
  const lines = [];
  const log = (text) => lines.push(`${Date.now() - startedAtMs} ms: ${text}`);
  const environment = {
    RIVYA_BASE_URL: simulator.origin,
    RIVYA_API_KEY: 'rvya_sk_chaos',
    ...redis.environment,
  };
  const options = { cwd: place, environment, log };
  const command = commandOf(plan, plan.cap);
  return {
    plan,
    simulator,
    redis,
    input,
    options,
    processes: Array.from(
      { length: plan.processes },
      (_, index) => new RoundProcess(`process ${index}`, command, options),
    ),
    enqueuing: new RoundProcess('enqueue', enqueueCommand(plan, plan.cap), options),
    lines,
    log,
    out: join(place, 'out'),
    counts: newCounts(plan),
  };
}

function newCounts({ late }) {
  const plain = {
    kills: 0,
    redisKills: 0,
    redisLosses: 0,
    frozen: 0,
    lostAnswers: 0,
    overspend: 0,
  };
  return late ? { ...plain, edits: 0, restores: 0, tears: 0, forgets: 0 } : plain;
}

const title = 'Photo of {{title}}';
const mapping = ['--out', 'out', '--id', 'sku', '--model', 'z-image', '--prompt', title];
const capOf = (cap) => (cap === null ? [] : ['--max-credits', String(cap)]);

/** Told only to rounds whose folder and table may change: what the batch is called must not. */
export const adversaryBatch = 'spring';
const nameOf = (plan) => (plan.late ? ['--batch', adversaryBatch] : []);

/** What a firewall refuses and may have been taken before is asked about for an hour, or as long as a key lives. */
const poisonedLifeMs = 120_000;

function lifeOf({ keyLife, poisoned }) {
  const toldMs = keyLife?.toldMs ?? (poisoned ? poisonedLifeMs : null);
  return toldMs === null ? [] : ['--key-life', String(toldMs / 3_600_000)];
}

export function commandOf(plan, cap) {
  const pace = ['--rate', String(plan.rate), '--in-flight', String(plan.inFlight)];
  const limits = [...pace, ...lifeOf(plan)];
  if (plan.topology === 'workers') return ['worker', ...limits];
  return ['run', 'in.csv', ...nameOf(plan), ...mapping, ...capOf(cap), ...limits];
}

export function enqueueCommand(plan, cap) {
  return ['enqueue', 'in.csv', ...nameOf(plan), ...mapping, ...capOf(cap)];
}
