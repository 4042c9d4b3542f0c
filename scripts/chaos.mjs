// Seeded chaos: real processes against the simulated API, with faults, kills, frozen processes, a dying Redis and
// pauses of the API; after each round the bill says whether anything was paid twice, lost or written twice.
//
//   npm run chaos -- [--seed N,N,...] [--minutes M | --rounds R] [--briefs K] [--at-once A]
//     [--window SECONDS] [--adversary] [--shrink]
//
// `--adversary` adds to the same plans what an API and a Redis of ill will do: the input is edited between starts,
// Redis is lost, turned back to an earlier moment or cut short, `forget` is killed on its way, keys of the API run
// out, prompts are poisoned, files are none. There the bill is compared content by content.
//
// The seed fixes each round's plan; the machine's timing is its own. Of several seeds, each has its first round
// before any has its second, and R rounds. On failure it prints seed, round and story;
// `--only I` plays that round alone, `--shrink` plays it again with fewer and fewer events.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { planAdversary } from './chaos/plan-adversary.mjs';
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
    adversary: { type: 'boolean', default: false },
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

function planOf({ seed, round }) {
  const plan = planRound({ seed, round, briefs, windowMs });
  return values.adversary ? planAdversary(plan) : plan;
}

async function playAndCount({ seed, round }) {
  const plan = planOf({ seed, round });
  const { faults, counts, log } = await play(plan);
  totals.rounds += 1;
  for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count;
  console.log(
    `seed ${seed}, round ${round}: ${faults.length === 0 ? 'clean' : 'HARM'} (${plan.topology}, ${plan.processes} processes, ${plan.redis} Redis, ${[...plan.events, ...(plan.late ?? [])].length} events)`,
  );
  if (faults.length > 0) failures.push({ plan, faults, log });
}

async function playUntilEnd(nextRound) {
  for (let round = nextRound(); round !== null; round = nextRound()) await playAndCount(round);
}

/** Leaves out one event after another as long as harm still comes of the rest. */
async function shrink(plan) {
  let smallest = plan;
  for (const event of [...plan.events, ...(plan.late ?? [])]) {
    const others = (events) => events.filter((other) => other !== event);
    const fewer = { ...smallest, events: others(smallest.events) };
    if (smallest.late) fewer.late = others(smallest.late);
    const { faults } = await play(fewer);
    const when = event.atMs === null ? 'late' : `at ${event.atMs} ms`;
    console.log(`  without "${event.kind} ${when}": ${faults.length > 0 ? 'harm' : 'clean'}`);
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
    `  again: node scripts/chaos.mjs --seed ${plan.seed} --briefs ${briefs} --window ${values.window}${values.adversary ? ' --adversary' : ''} --only ${plan.round}`,
  );
}
if (failures.length === 0) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
else console.log(`\nThe folders of these rounds are kept in ${folder}.`);
const seconds = Math.round((Date.now() - startedAtMs) / 1000);
console.log(`\n${JSON.stringify({ seeds, ...totals, seconds })}`);
process.exitCode = failures.length === 0 ? 0 : 1;
