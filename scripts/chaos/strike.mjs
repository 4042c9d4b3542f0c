import { setTimeout as sleep } from 'node:timers/promises';
import { plentyOfCredits } from './set-up-round.mjs';

const mostWaitMs = 20_000;

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
    case 'restore':
    case 'tear':
    case 'edit':
      return harmAndRestart(round, event);
    case 'snapshot':
      await tasksMade(round, event.afterTasks);
      return round.redis.snapshot();
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

/** Until the API has made so many tasks; where it makes none any more, long enough. */
async function tasksMade({ simulator }, count) {
  const patience = AbortSignal.timeout(mostWaitMs);
  while (simulator.asked().length < count && !patience.aborted) await sleep(50);
}

/** Whoever used it is gone, and nobody starts anything meanwhile; then all begin again. */
async function harmAndRestart(round, event) {
  if (event.afterTasks !== undefined) await tasksMade(round, event.afterTasks);
  const harmAll = async () => {
    await harm(round, event);
    for (const process of round.processes) if (!process.isRunning) process.start();
    await enqueueAgain(round);
  };
  round.losing = (round.losing ?? Promise.resolve()).then(harmAll);
  await round.losing;
}

/** A batch of workers is found in Redis alone: a person gives the same command again, with patience for a while. */
async function enqueueAgain(round) {
  const { plan, enqueuing } = round;
  if (plan.topology !== 'workers') return;
  for (let tries = 0; tries < 3 && !round.enqueued; tries += 1) {
    round.enqueued = (await enqueuing.start()).code === 0;
  }
}

/** What an adversary does to what a batch rests on, its input and its Redis, while all processes are down. */
export async function harm(round, event) {
  const { redis, input, counts } = round;
  for (const process of round.processes) {
    process.thaw();
    process.signal(event.how ?? 'SIGKILL');
  }
  await Promise.all(round.processes.map((process) => process.ended));
  switch (event.kind) {
    case 'lose':
      await redis.lose();
      counts.redisLosses += 1;
      break;
    case 'restore':
      if (await redis.restore()) counts.restores += 1;
      break;
    case 'tear':
      await redis.tear(event.share);
      counts.tears += 1;
      break;
    case 'edit':
      break;
    default:
      throw new Error(`no harm is called ${event.kind}`);
  }
  if (event.edit) {
    input.edit(event.edit);
    counts.edits += 1;
  }
  // What was enqueued may be gone, or be of the table as it was.
  round.enqueued = false;
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
