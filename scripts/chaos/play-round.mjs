import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditAdversary } from './audit-adversary.mjs';
import { auditRound } from './audit-round.mjs';
import { finishAgain, playLate } from './play-late.mjs';
import { commandOf, enqueueCommand, plentyOfCredits, setUpRound } from './set-up-round.mjs';
import { countLostAnswers, strikeAll } from './strike.mjs';

/** Locks end after 15 s, doubts are asked about up to a minute apart: a round that takes longer hangs. */
const patienceMs = 300_000;

/** Plays one round to its end and audits it; all its processes are gone when it returns. */
export async function playRound(plan, place) {
  const round = await setUpRound(plan, place);
  try {
    if (plan.topology === 'workers') await enqueue(round);
    for (const process of round.processes) process.start();
    await strikeAll(round);
    await heal(round);
    return report(round, await finishAndAudit(round));
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

async function finishAndAudit(round) {
  const { plan, out, simulator } = round;
  if (!plan.late) {
    await finish(round);
    return auditRound(plan, { out, bill: simulator.bill() });
  }
  await finishAgain(round);
  for (const strike of plan.late) await playLate(round, strike);
  return auditAdversary(round);
}

async function enqueue({ enqueuing }) {
  const { code } = await enqueuing.start();
  if (code !== 0) throw new Error(`enqueue ended with ${code}: ${enqueuing.output}`);
}

/** From here on nothing stands in the way, the cap included: whatever it let through is known by now. */
async function heal(round) {
  const { processes, simulator, plan, counts, enqueuing } = round;
  for (const process of processes) process.thaw();
  simulator.control({ credits: plentyOfCredits });
  if (plan.cap === null) return;
  counts.overspend = Math.max(0, simulator.bill().total.spent - plan.cap);
  for (const process of processes) process.parameters = commandOf(plan, 'none');
  enqueuing.parameters = enqueueCommand(plan, 'none');
  round.enqueued = false;
  if (plan.topology === 'workers' && !plan.late) await enqueue(round);
}

/** Whatever has ended early is started again, until the batch is finished; then all end by themselves. */
async function finish(round) {
  const { processes, plan } = round;
  const patience = AbortSignal.timeout(patienceMs);
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
  const { plan, simulator, lines, processes } = round;
  countLostAnswers(round);
  for (const { name, output } of processes) {
    if (/Unexpected error/.test(output)) faults.push(`${name} crashed: ${output.slice(-2_000)}`);
  }
  if (round.counts.overspend > 0) faults.push(`over the cap by ${round.counts.overspend}`);
  const said = processes.map(({ name, output }) => `${name} said: ${output.slice(-1_500)}`);
  return {
    faults,
    log: faults.length === 0 ? [] : [...lines, ...said],
    counts: {
      ...counts,
      ...round.counts,
      briefs: plan.briefs,
      tasks: simulator.bill().total.tasks,
    },
  };
}
