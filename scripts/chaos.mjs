// Seeded chaos: real processes against the simulated API, with faults, kills, frozen processes, a dying Redis and
// pauses of the API; after each round the bill says whether anything was paid twice, lost or written twice.
//
//   npm run chaos -- [--seed N,N,...] [--minutes M | --rounds R] [--briefs K] [--at-once A]
//     [--window SECONDS] [--shrink]
//
// The seed fixes each round's plan; the machine's timing is its own. Of several seeds, each has its first round
// before any has its second, and R rounds. On failure it prints seed, round and story;
// `--only I` plays that round alone, `--shrink` plays it again with fewer and fewer events.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { planRound, tellPlan } from './chaos/plan-round.mjs';
import { playRound } from './chaos/play-round.mjs';
import { ensureRedisServer } from './provide-redis.mjs';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    minutes: { type: 'string', default: '2' },
    rounds: { type: 'string', default: 'Infinity' },
    briefs: { type: 'string', default: '12' },
    'at-once': { type: 'string', default: '3' },
    window: { type: 'string', default: '12' },
    only: { type: 'string' },
    shrink: { type: 'boolean', default: false },
  },
});
const seeds = values.seed.split(',').map(Number);
const briefs = Number(values.briefs);
const windowMs = Number(values.window) * 1_000;
const endAtMs = Date.now() + Number(values.minutes) * 60_000;
const folder = mkdtempSync(join(tmpdir(), 'rivya-batch-chaos-'));
const totals = {
  rounds: 0,
  briefs: 0,
  tasks: 0,
  kills: 0,
  redisKills: 0,
  redisLosses: 0,
  frozen: 0,
  lostAnswers: 0,
  duplicates: 0,
  linesTwice: 0,
  lost: 0,
  overspend: 0,
};
const failures = [];
let played = 0;

async function play(plan) {
  played += 1;
  const place = join(folder, `${plan.round}-${played}`);
  mkdirSync(place);
  const result = await playRound(plan, place);
  if (result.faults.length === 0) rmSync(place, { recursive: true, force: true, maxRetries: 5 });
  return result;
}

async function playAndCount({ seed, round }) {
  const plan = planRound({ seed, round, briefs, windowMs });
  const { faults, counts, log } = await play(plan);
  totals.rounds += 1;
  for (const [name, count] of Object.entries(counts)) totals[name] += count;
  console.log(
    `seed ${seed}, round ${round}: ${faults.length === 0 ? 'clean' : 'HARM'} (${plan.topology}, ${plan.processes} processes, ${plan.redis} Redis, ${plan.events.length} events)`,
  );
  if (faults.length > 0) failures.push({ plan, faults, log });
}

async function playUntilEnd(nextRound) {
  for (let round = nextRound(); round !== null; round = nextRound()) await playAndCount(round);
}

/** Leaves out one event after another as long as harm still comes of the rest. */
async function shrink(plan) {
  let smallest = plan;
  for (const event of plan.events) {
    const fewer = { ...smallest, events: smallest.events.filter((other) => other !== event) };
    const { faults } = await play(fewer);
    console.log(
      `  without "${event.kind} at ${event.atMs} ms": ${faults.length > 0 ? 'harm' : 'clean'}`,
    );
    if (faults.length > 0) smallest = fewer;
  }
  return smallest;
}

function roundsToPlay() {
  const only = values.only === undefined ? null : Number(values.only);
  const first = only ?? 1;
  const last = only ?? Number(values.rounds);
  let next = 0;
  return () => {
    const round = first + Math.floor(next / seeds.length);
    const seed = seeds[next % seeds.length];
    if (round > last || (only === null && Date.now() >= endAtMs)) return null;
    next += 1;
    return { seed, round };
  };
}

ensureRedisServer();
const startedAtMs = Date.now();
const nextRound = roundsToPlay();
console.log(`chaos: seed ${values.seed}, ${briefs} briefs a round`);
await Promise.all(Array.from({ length: Number(values['at-once']) }, () => playUntilEnd(nextRound)));

for (const { plan, faults, log } of failures) {
  console.log(`\nHARM in round ${plan.round} of seed ${plan.seed}:`);
  for (const fault of faults) console.log(`  - ${fault}`);
  console.log(tellPlan(values.shrink ? await shrink(plan) : plan));
  console.log(log.map((line) => `  ${line}`).join('\n'));
  console.log(
    `  again: node scripts/chaos.mjs --seed ${plan.seed} --briefs ${briefs} --window ${values.window} --only ${plan.round}`,
  );
}
if (failures.length === 0) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
else console.log(`\nThe folders of these rounds are kept in ${folder}.`);
const seconds = Math.round((Date.now() - startedAtMs) / 1000);
console.log(`\n${JSON.stringify({ seeds, ...totals, seconds })}`);
process.exitCode = failures.length === 0 ? 0 : 1;
