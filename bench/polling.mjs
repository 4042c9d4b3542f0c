// Status checks a task and the time from its end to its notice, on simulated time: our planner with its real sketch in
// Redis, beside fixed schedules, beside the best that anybody could do who knew the true distribution. Seeded.
import { pino } from 'pino';
import { DurationLedger } from '../dist/ledger/durations.js';
import { accountKeys } from '../dist/ledger/keys.js';
import { guidedCheckInMs } from '../dist/worker/polling/guidance.js';
import { endless } from '../dist/worker/polling/policy.js';
import { PollPlanner } from '../dist/worker/polling/poll-planner.js';
import { bestFrontier, exactDistribution, excessOver } from './polling-optimum.mjs';
import { openRandom, openStand, round } from './stand.mjs';

const kinds = [
  { category: 'image', medianMs: 12_000, sigma: 0.4 },
  { category: 'video', medianMs: 90_000, sigma: 0.5 },
];
const pressures = ['in_flight', 'none', 'rate'];
const tasksMeasured = 20_000;
const historyTasks = 450;
const histories = 5;
const firstTasks = 200;
const warmingRuns = 20;
/** A brief is accepted every so often while history is made. */
const spacingMs = 1_000;

/** Looks at one task after the other; `waitFor({ ageMs, checks })` is the schedule. */
async function measure(durationsMs, waitFor) {
  let [checks, lateMs] = [0, 0];
  for (const durationMs of durationsMs) {
    let [ageMs, own] = [0, 0];
    while (ageMs < durationMs) {
      ageMs += await waitFor({ ageMs, checks: own });
      own += 1;
    }
    checks += own;
    lateMs += ageMs - durationMs;
  }
  return { checks: checks / durationsMs.length, noticeMs: lateMs / durationsMs.length };
}

function openPlanner(stand, { prefix, random, clock }) {
  const durations = new DurationLedger(stand.redis, accountKeys(prefix, 'bench'));
  const log = pino({ level: 'silent' });
  return { durations, planner: new PollPlanner({ durations, clock, log, random }) };
}

/** On average over histories of as many tasks as a sketch holds most of the time. */
async function warm(stand, kind, pressure) {
  const sums = { checks: 0, noticeMs: 0 };
  for (let history = 1; history <= histories; history += 1) {
    const { checks, noticeMs } = await warmBy(stand, kind, { pressure, history });
    sums.checks += checks / histories;
    sums.noticeMs += noticeMs / histories;
  }
  return sums;
}

async function warmBy(stand, kind, { pressure, history }) {
  const { uniform, logNormal } = openRandom(1_000 + history);
  const clock = { now: () => 0 };
  const prefix = `warm-${kind.category}-${pressure}-${history}`;
  const { durations, planner } = openPlanner(stand, { prefix, random: uniform, clock });
  for (let task = 0; task < historyTasks; task += 1) void durations.note(['m'], logNormal(kind));
  await durations.tell();
  const { category } = kind;
  return measure(kind.durationsMs, ({ ageMs, checks }) =>
    planner.nextCheckInMs({ kind: 'm', category, ageMs, checks, pressure, ahead: endless }),
  );
}

/** The first tasks of a model that nobody has used: what each look finds is learned before the next. */
async function warmingUp(stand, kind, pressure) {
  const sums = { checks: 0, noticeMs: 0 };
  for (let run = 1; run <= warmingRuns; run += 1) {
    const { checks, noticeMs } = await firstTasksOf(stand, kind, { pressure, run });
    sums.checks += checks / warmingRuns;
    sums.noticeMs += noticeMs / warmingRuns;
  }
  return sums;
}

async function firstTasksOf(stand, kind, { pressure, run }) {
  const { uniform, logNormal } = openRandom(100 + run);
  let now = 0;
  const clock = { now: () => now };
  const prefix = `warming-${kind.category}-${pressure}-${run}`;
  const { durations, planner } = openPlanner(stand, { prefix, random: uniform, clock });
  const { category } = kind;
  const look = (task) =>
    planner.nextCheckInMs({ kind: 'm', category, ...task, pressure, ahead: endless });
  const tasks = Array.from({ length: firstTasks }, (_, index) => ({
    startedMs: index * spacingMs,
    durationMs: logNormal(kind),
    dueMs: index * spacingMs,
    checks: -1,
  }));
  let [checks, lateMs] = [0, 0];
  const running = new Set(tasks);
  while (running.size > 0) {
    const [task] = [...running].sort((a, b) => a.dueMs - b.dueMs);
    now = task.dueMs;
    task.checks += 1;
    const ageMs = now - task.startedMs;
    if (task.checks > 0 && ageMs >= task.durationMs) {
      running.delete(task);
      checks += task.checks;
      lateMs += ageMs - task.durationMs;
      void durations.note(['m'], task.durationMs);
      await durations.tell();
    } else {
      task.dueMs = now + (await look({ ageMs, checks: task.checks }));
    }
  }
  return { checks: checks / firstTasks, noticeMs: lateMs / firstTasks };
}

async function schedulesOf(stand, kind) {
  const { uniform } = openRandom(3);
  const { category, durationsMs } = kind;
  const fixed = (ms, spreadMs = 0) =>
    measure(durationsMs, () => ms + spreadMs * (2 * uniform() - 1));
  const rows = [
    [
      'ours, cold',
      await measure(durationsMs, ({ checks }) => guidedCheckInMs(category, checks, uniform())),
    ],
  ];
  for (const pressure of pressures) {
    rows.push([
      `ours, first ${firstTasks} tasks, ${pressure}`,
      await warmingUp(stand, kind, pressure),
    ]);
  }
  for (const pressure of pressures) {
    rows.push([`ours, warm, ${pressure}`, await warm(stand, kind, pressure)]);
  }
  rows.push(
    ['every 0.5 s', await fixed(500)],
    ['every 2 s', await fixed(2_000)],
    ['every 5 s', await fixed(5_000)],
    ['every 6 s +-1.5 s', await fixed(6_000, 1_500)],
    [
      '1 s x 2, cap 60 s',
      await measure(durationsMs, ({ checks }) => Math.min(60_000, 1_000 * 2 ** checks)),
    ],
  );
  return rows;
}

/** Only what keeps the spacing rule can be compared with the best under it. */
function printKind(kind, rows, frontier) {
  console.log(
    `\n${kind.category}: log-normal, median ${kind.medianMs / 1000} s, sigma ${kind.sigma}`,
  );
  console.table(
    Object.fromEntries(
      rows.map(([name, { checks, noticeMs }]) => {
        const excess = name.startsWith('ours') ? excessOver(frontier, { checks, noticeMs }) : null;
        const row = {
          'checks a task': round(checks),
          'mean time to notice, s': round(noticeMs / 1000),
        };
        return [
          name,
          { ...row, 'above the frontier, %': excess === null ? '' : round(excess, 1) + 0 },
        ];
      }),
    ),
  );
  const points = frontier
    .filter((_, index) => index % Math.ceil(frontier.length / 12) === 0)
    .map(({ checks, noticeMs }) => `${checks.toFixed(2)} @ ${(noticeMs / 1000).toFixed(2)} s`);
  console.log(`optimum under the same rule, checks @ notice: ${points.join(', ')}`);
}

const stand = await openStand();
for (const kind of kinds) {
  const { logNormal } = openRandom(1);
  kind.durationsMs = Array.from({ length: tasksMeasured }, () => logNormal(kind));
  printKind(kind, await schedulesOf(stand, kind), bestFrontier(exactDistribution(kind)));
}
await stand.close();
