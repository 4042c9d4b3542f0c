import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSimulator } from '../../dist/simulator/start-simulator.js';
import { auditRound } from './audit-round.mjs';
import { RoundProcess } from './round-process.mjs';
import { openRedis } from './round-redis.mjs';

/** Locks end after 15 s, doubts are asked about up to a minute apart: a round that takes longer hangs. */
const patienceMs = 300_000;
const plentyOfCredits = 1_000_000;

/** Plays one round to its end and audits it; all processes are gone when it returns. */
export async function playRound(plan, place) {
  const round = await setUp(plan, place);
  const patience = AbortSignal.timeout(patienceMs);
  try {
    if (plan.topology === 'workers') await enqueue(round);
    for (const process of round.processes) process.start();
    await inject(round);
    heal(round);
    await finish(round, patience);
    const { faults, counts } = auditRound(plan, { out: round.out, bill: round.simulator.bill() });
    return report(round, { faults, counts });
  } catch (error) {
    const faults = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
    return report(round, { faults, counts: {} });
  } finally {
    for (const process of round.processes) process.signal('SIGKILL');
    await Promise.all(round.processes.map((process) => process.ended));
    round.redis.close();
    await round.simulator.close();
  }
}

async function setUp(plan, place) {
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
  const processes = Array.from(
    { length: plan.processes },
    (_, index) => new RoundProcess(`process ${index}`, commandOf(plan), options),
  );
  const enqueuing = new RoundProcess('enqueue', enqueueCommand(plan), options);
  return {
    plan,
    simulator,
    redis,
    processes,
    enqueuing,
    lines,
    log,
    out: join(place, 'out'),
    kills: 0,
    redisKills: 0,
    frozen: 0,
    lostAnswers: 0,
  };
}

const mapping = [
  '--out',
  'out',
  '--id',
  'sku',
  '--model',
  'z-image',
  '--prompt',
  'Photo of {{title}}',
];
const capOf = ({ cap }) => (cap === null ? [] : ['--max-credits', String(cap)]);
const limitsOf = ({ rate, inFlight }) => ['--rate', String(rate), '--in-flight', String(inFlight)];

function commandOf(plan) {
  if (plan.topology === 'workers') return ['worker', ...limitsOf(plan)];
  return ['run', 'in.csv', ...mapping, ...capOf(plan), ...limitsOf(plan)];
}

function enqueueCommand(plan) {
  return ['enqueue', 'in.csv', ...mapping, ...capOf(plan)];
}

async function enqueue({ enqueuing }) {
  const { code } = await enqueuing.start();
  if (code !== 0) throw new Error(`enqueue ended with ${code}: ${enqueuing.output}`);
}

async function inject(round) {
  const startedAtMs = Date.now();
  const later = [];
  for (const event of round.plan.events) {
    await sleep(Math.max(0, startedAtMs + event.atMs - Date.now()));
    round.log(`event ${JSON.stringify(event)}`);
    later.push(strike(round, event));
  }
  await Promise.all(later);
}

async function strike(round, event) {
  const process = round.processes[event.process];
  const { simulator, plan } = round;
  switch (event.kind) {
    case 'kill':
    case 'stop':
      if (!process.isRunning) return;
      process.thaw();
      process.signal(event.kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
      round.kills += event.kind === 'kill' ? 1 : 0;
      await process.ended;
      await sleep(event.restartMs);
      if (!process.isRunning) process.start();
      return;
    case 'freeze':
      process.signal('SIGSTOP');
      round.frozen += 1;
      await sleep(event.forMs);
      process.thaw();
      return;
    case 'redis':
      round.redis.kill();
      round.redisKills += 1;
      return;
    case 'api':
      setFaults(round, ['outage']);
      await sleep(event.forMs);
      setFaults(round, plan.faults);
      return;
    case 'credits':
      simulator.control({ credits: 0 });
      await sleep(event.forMs);
      simulator.control({ credits: plentyOfCredits });
      return;
    default:
      throw new Error(`no event is called ${event.kind}`);
  }
}

function heal({ simulator, processes }) {
  for (const process of processes) process.thaw();
  simulator.control({ credits: plentyOfCredits });
}

/** Setting faults anew begins their counts anew: what struck until then is added up here. */
function setFaults(round, faults) {
  round.lostAnswers += lostAnswersOf(round.simulator);
  round.simulator.control({ faults });
}

function lostAnswersOf(simulator) {
  const { faults } = simulator.bill();
  const names = ['lose-answer-after-accept', 'gateway-after-accept', 'error-after-accept'];
  return names.reduce((sum, name) => sum + (faults[name] ?? 0), 0);
}

/** Whatever has ended early is started again, until the batch is finished; then all end by themselves. */
async function finish(round, patience) {
  const { processes, plan } = round;
  while (!isFinished(round)) {
    if (patience.aborted) throw new Error('the round did not come to its end');
    for (const process of processes) if (!process.isRunning) process.start();
    await sleep(200);
  }
  if (plan.topology === 'workers') for (const process of processes) process.signal('SIGTERM');
  await Promise.all(processes.map((process) => process.ended));
}

function isFinished({ out, plan }) {
  const path = join(out, 'run.json');
  if (!existsSync(path) || !existsSync(join(out, 'manifest.csv'))) return false;
  const { state, counts } = JSON.parse(readFileSync(path, 'utf8'));
  return state === 'finished' && counts.admitted === plan.briefs;
}

function report(round, { faults, counts }) {
  const { plan, simulator, kills, redisKills, frozen, lines, processes } = round;
  for (const { name, output } of processes) {
    if (/Unexpected error/.test(output)) faults.push(`${name} crashed: ${output.slice(-2_000)}`);
  }
  const said = processes.map(({ name, output }) => `${name} said: ${output.slice(-1_500)}`);
  return {
    faults,
    log: faults.length === 0 ? [] : [...lines, ...said],
    counts: {
      ...counts,
      kills,
      redisKills,
      frozen,
      briefs: plan.briefs,
      tasks: simulator.bill().total.tasks,
      lostAnswers: round.lostAnswers + lostAnswersOf(simulator),
    },
  };
}
