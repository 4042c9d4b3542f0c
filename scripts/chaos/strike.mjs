import { setTimeout as sleep } from 'node:timers/promises';
import { plentyOfCredits } from './set-up-round.mjs';

/** Lets the planned events happen, each at its time; resolves when all are over. */
export async function strikeAll(round) {
  const startedAtMs = Date.now();
  const underWay = [];
  for (const event of round.plan.events) {
    await sleep(Math.max(0, startedAtMs + event.atMs - Date.now()));
    round.log(`event ${JSON.stringify(event)}`);
    underWay.push(strike(round, event));
  }
  await Promise.all(underWay);
}

async function strike(round, event) {
  const { simulator, plan, counts } = round;
  const process = round.processes[event.process];
  switch (event.kind) {
    case 'kill':
    case 'stop':
      return endAndRestart(round, event);
    case 'freeze':
      process.signal('SIGSTOP');
      counts.frozen += 1;
      await sleep(event.forMs);
      process.thaw();
      return;
    case 'redis':
      round.redis.kill();
      counts.redisKills += 1;
      return;
    case 'lose':
      return loseRedis(round);
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

async function endAndRestart(round, event) {
  const process = round.processes[event.process];
  if (!process.isRunning) return;
  process.thaw();
  process.signal(event.kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
  if (event.kind === 'kill') round.counts.kills += 1;
  await process.ended;
  await sleep(event.restartMs);
  await round.losing;
  if (!process.isRunning) process.start();
}

/** Redis and all that it knew are gone, and whoever used it; nobody starts anything meanwhile. */
async function loseRedis(round) {
  const lose = async () => {
    for (const process of round.processes) process.signal('SIGKILL');
    await Promise.all(round.processes.map((process) => process.ended));
    await round.redis.lose();
  };
  round.losing = (round.losing ?? Promise.resolve()).then(lose);
  await round.losing;
  round.counts.redisLosses += 1;
  for (const process of round.processes) if (!process.isRunning) process.start();
}

/** Setting faults anew begins their counts anew: what struck until then is added up here. */
function setFaults(round, faults) {
  countLostAnswers(round);
  round.simulator.control({ faults });
}

export function countLostAnswers({ simulator, counts }) {
  const { faults } = simulator.bill();
  for (const name of ['lose-answer-after-accept', 'gateway-after-accept', 'error-after-accept']) {
    counts.lostAnswers += faults[name] ?? 0;
  }
}
