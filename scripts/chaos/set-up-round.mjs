import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSimulator } from '../../dist/simulator/start-simulator.js';
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
  });
  const rows = Array.from({ length: plan.briefs }, (_, index) => `sku-${index},Product ${index}`);
  writeFileSync(join(place, 'in.csv'), `sku,title\n${rows.join('\n')}\n`);
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
    processes: Array.from(
      { length: plan.processes },
      (_, index) => new RoundProcess(`process ${index}`, command, options),
    ),
    enqueuing: new RoundProcess('enqueue', enqueueCommand(plan.cap), options),
    lines,
    log,
    out: join(place, 'out'),
    counts: { kills: 0, redisKills: 0, redisLosses: 0, frozen: 0, lostAnswers: 0, overspend: 0 },
  };
}

const title = 'Photo of {{title}}';
const mapping = ['--out', 'out', '--id', 'sku', '--model', 'z-image', '--prompt', title];
const capOf = (cap) => (cap === null ? [] : ['--max-credits', String(cap)]);

export function commandOf(plan, cap) {
  const limits = ['--rate', String(plan.rate), '--in-flight', String(plan.inFlight)];
  if (plan.topology === 'workers') return ['worker', ...limits];
  return ['run', 'in.csv', ...mapping, ...capOf(cap), ...limits];
}

export function enqueueCommand(cap) {
  return ['enqueue', 'in.csv', ...mapping, ...capOf(cap)];
}
