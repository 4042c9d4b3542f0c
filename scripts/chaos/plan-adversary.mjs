import { parseFault } from '../../dist/simulator/faults/parse-fault.js';
import { createRandom } from './random.mjs';

/** Strikes against what a batch rests on: its input, and what Redis remembers. */
const eventChoices = ['edit', 'edit', 'lose', 'restore', 'tear'];

/** What is done to a finished batch before the same command is given once more. */
const lateChoices = ['forget', 'forget', 'restore', 'lose', 'edit'];

/** What the poisoned titles hold. */
export const poison = 'gunpowder';

/**
 * What APIs and file servers do on a bad day: what is no picture, downloads that drip or stay silent, files and
 * addresses that come late, odd encodings and headers, an answer that is neither yes nor no. None lasts: where all
 * answers of a kind were bad for ever, a round would wait for the collect deadline.
 */
const faultChoices = [
  'download-wrong-type:0.15',
  'download-wrong-type=json/as-media:0.1',
  'download-encoding=gzip:0.2',
  'download-encoding=aws-chunked:0.2',
  'download-silent:1x',
  'download-silent=body:1x',
  'download-slow=20:0.1',
  'download-status=404:0.2',
  'late-urls=4000:0.3',
  'late-files=4000:0.3',
  'late-files=4000/403:0.2',
  'odd-reset=30000:1x',
  'odd-reset=1795923819882:1x',
  'odd-reset=soon:0.1',
  'status-after-accept=303:0.1',
  'status-after-accept=499/error:0.1',
];

/** What stands in the way of a single prompt, for ever. */
const firewallChoices = [
  `page=403:endpoint=submit:prompt=${poison}`,
  `refuse=403/content_blocked:endpoint=submit:prompt=${poison}`,
];

/** The same for the same seed and number, whatever the other events of the round are. */
export function planAdversary(plan) {
  const random = createRandom(plan.seed * 200_003 + plan.round);
  const keyLife = random.chance(0.4) ? { simulatorMs: 25_000, toldMs: 10_000 } : null;
  const poisoned = random.chance(0.25);
  const chosen = [
    ...faultChoices.filter(() => random.chance(0.2)),
    ...(poisoned ? [random.pick(firewallChoices)] : []),
  ];
  const events = Array.from({ length: random.between(1, 4) }, () => planEvent(random, plan));
  const late = Array.from({ length: random.between(0, 2) }, () => planLate(random, keyLife));
  return {
    ...plan,
    taskMs: random.pick([4_000, 30_000, 60_000]),
    keyLife,
    poisoned,
    faults: [...plan.faults, ...chosen.filter(isKnown)],
    events: [...plan.events, ...events.flat()]
      .map((event) => shortened(event, keyLife))
      .sort((a, b) => a.atMs - b.atMs),
    late,
  };
}

/** Only what the simulator of this build can do is played. */
function isKnown(fault) {
  try {
    parseFault(fault);
    return true;
  } catch {
    return false;
  }
}

/** A process that sleeps between its look at the clock and its send may send too late, whatever it does. */
function shortened(event, keyLife) {
  if (keyLife === null || event.kind !== 'freeze') return event;
  return { ...event, forMs: Math.min(event.forMs, 4_000) };
}

/** Each strikes when so many tasks are made, however slow the machine is, and not before its time. */
function planEvent(random, { windowMs, briefs }) {
  const atMs = random.between(300, windowMs);
  const afterTasks = random.between(1, briefs);
  const kind = random.pick(eventChoices);
  const strike = { ...planStrike(random, kind, atMs), afterTasks };
  if (kind !== 'restore') return [strike];
  const snapshot = { kind: 'snapshot', atMs: random.between(300, atMs) };
  return [{ ...snapshot, afterTasks: random.between(0, afterTasks) }, strike];
}

function planLate(random, keyLife) {
  const kind = random.pick(lateChoices);
  return {
    ...planStrike(random, kind, null),
    /** All rest until the API has forgotten every key. */
    restMs: keyLife !== null && random.chance(0.7) ? keyLife.simulatorMs + 1_000 : 0,
  };
}

function planStrike(random, kind, atMs) {
  switch (kind) {
    case 'edit':
      return { kind, atMs, how: random.pick(['SIGKILL', 'SIGTERM']), edit: planEdit(random) };
    case 'restore':
    case 'lose':
      // Whoever notices may have a newer table already.
      return { kind, atMs, edit: random.chance(0.5) ? planEdit(random) : null };
    case 'tear':
      return { kind, atMs, share: random.between(1, 60) / 100 };
    case 'forget':
      // At so many commands to Redis the process is killed; in between the batch's command may be given.
      return {
        kind,
        atMs,
        kills: Array.from({ length: random.between(1, 3) }, () => planKill(random)),
      };
    default:
      throw new Error(`nothing late is called ${kind}`);
  }
}

function planKill(random) {
  return { command: random.between(2, 24), next: random.pick(['repeat', 'repeat', 'run']) };
}

function planEdit(random) {
  return {
    seed: random.between(1, 1e9),
    rewrite: random.between(0, 3),
    drop: random.between(0, 4),
    add: random.between(0, 2),
    shuffle: random.chance(0.5),
  };
}
