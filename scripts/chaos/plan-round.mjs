import { createRandom } from './random.mjs';

/** Each strikes with its probability wherever it fits; a round has some of them. */
const faultChoices = [
  'lose-answer-after-accept:0.15',
  'gateway-after-accept:0.08',
  'error-after-accept:0.08',
  'drop-before-accept:0.08',
  'gateway-before-accept:0.05',
  'rate-limited=1:0.05',
  'api-disabled:0.03:endpoint=submit',
  'drop-read:0.1',
  'gateway-read:0.05',
  'error-read:0.05',
  'early-404=300:0.15',
  'unknown-status=moderating/300:0.1',
  'extra-fields:0.3',
  'expire-first-url:0.3',
  'many-urls=3:0.15',
  'task-fails=nsfw/refunded:0.08',
  'task-fails=nsfw/kept:0.05',
  'download-truncated:0.1',
  'download-empty:0.05',
];

const eventChoices = [
  'kill',
  'kill',
  'kill',
  'freeze',
  'freeze',
  'redis',
  'api',
  'credits',
  'stop',
];

/** Everything that is decided by chance in one round: the same for the same seed and number. */
export function planRound({ seed, round, briefs, windowMs }) {
  const random = createRandom(seed * 100_003 + round);
  const processes = random.between(1, 3);
  const redis = random.pick(['private', 'shared']);
  const plan = {
    seed,
    round,
    briefs,
    processes,
    redis,
    topology: random.pick(['run', 'workers']),
    faults: faultChoices.filter(() => random.chance(0.4)),
    cap: random.chance(0.3) ? random.between(Math.ceil(briefs / 3), briefs) : null,
    taskMs: random.pick([0, 4_000, 30_000]),
    rate: random.pick([5, 20, 100]),
    inFlight: random.pick([2, 5, 50]),
    windowMs,
    events: [],
  };
  for (let count = random.between(1, 8); count > 0; count -= 1) {
    plan.events.push(planEvent(random, plan));
  }
  plan.events.sort((a, b) => a.atMs - b.atMs);
  return plan;
}

function planEvent(random, { processes, redis, topology, windowMs }) {
  const atMs = random.between(300, windowMs);
  const process = random.between(0, processes - 1);
  // A batch of workers is found in Redis alone: a person would have to enqueue it again.
  const lossable = redis === 'private' && topology === 'run' ? ['lose'] : [];
  const kind = random.pick([...eventChoices, ...lossable]);
  switch (kind) {
    case 'freeze':
      return { kind, atMs, process, forMs: random.pick([1_000, 5_000, 20_000, 30_000]) };
    case 'api':
    case 'credits':
      return { kind, atMs, forMs: random.between(500, 8_000) };
    case 'redis':
    case 'lose':
      return { kind, atMs };
    default:
      return { kind, atMs, process, restartMs: random.between(0, 2_000) };
  }
}

/** The story of a round, for people. */
export function tellPlan(plan) {
  const { events, faults, late = [], ...rest } = plan;
  const lines = [...events, ...late].map((event) => `    ${JSON.stringify(event)}`);
  return `  plan ${JSON.stringify(rest)}\n  faults ${faults.join(' ')}\n${lines.join('\n')}`;
}
