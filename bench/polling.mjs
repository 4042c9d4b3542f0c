// Status checks a task and the time from its end to its notice, on simulated time: our planner with its real sketch in
// Redis, beside fixed schedules, beside the best that anybody could do who knew the true distribution. Seeded.
import { pino } from 'pino';
import { DurationLedger } from '../dist/ledger/durations.js';
import { accountKeys } from '../dist/ledger/keys.js';
import { DueQueue } from '../dist/simulator/task-book.js';
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
/** A brief is accepted every so often while history is made, or hints come. */
const spacingMs = 1_000;
/** Shares of tasks whose hint arrives, and how long after the end: log-normal. */
const hintShares = [0, 0.7, 1];
const hintDelay = { medianMs: 800, sigma: 0.5 };
const hintedTasks = 2_000;

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

/**
 * Tasks of a model that is known, each accepted a moment after the one before, with hints for a share of them. Those of
 * the first quarter are not measured: it takes a while until hints are relied on.
 * @param stopMs from then on no hint arrives
 */
async function hinted(stand, kind, { pressure, share, stopMs = Number.POSITIVE_INFINITY }) {
  const { uniform, logNormal } = openRandom(7);
  let now = 0;
  const clock = { now: () => now };
  const prefix = `hinted-${kind.category}-${pressure}-${share}-${stopMs}`;
  const { durations, planner } = openPlanner(stand, { prefix, random: uniform, clock });
  for (let task = 0; task < historyTasks; task += 1) void durations.note(['m'], logNormal(kind));
  await durations.tell();
  const { category } = kind;
  const due = new DueQueue();
  const schedule = (dueAt, task, by) => due.add(dueAt, { dueAt, task, by });
  for (let index = 0; index < hintedTasks; index += 1) {
    const startedMs = index * spacingMs;
    const durationMs = logNormal(kind);
    const [isHinted, delayMs] = [uniform() < share, logNormal(hintDelay)];
    const hintMs = startedMs + durationMs + delayMs;
    const task = { index, startedMs, durationMs, seenMs: 0, checks: 0, over: false };
    if (isHinted && hintMs < stopMs) schedule(hintMs, task, 'hint');
    schedule(startedMs, task, 'start');
  }
  const ended = [];
  for (
    let next = due.takeDue(Number.POSITIVE_INFINITY);
    next;
    next = due.takeDue(Number.POSITIVE_INFINITY)
  ) {
    const { task, by, dueAt } = next;
    now = dueAt;
    if (task.over) continue;
    const asked = (ageMs) => {
      return { kind: 'm', category, ageMs, checks: task.checks, pressure, ahead: endless };
    };
    const ageMs = now - task.startedMs;
    const leftMs = by === 'check' ? await planner.putOffMs(asked(task.seenMs), ageMs) : 0;
    if (leftMs > 0) {
      schedule(now + leftMs, task, by);
      continue;
    }
    if (by !== 'start') task.checks += 1;
    if (ageMs >= task.durationMs) {
      planner.noteEnd(by, ageMs - task.durationMs);
      task.over = true;
      ended.push({
        ...task,
        endMs: task.startedMs + task.durationMs,
        lateMs: ageMs - task.durationMs,
      });
      continue;
    }
    // A hint that is no later than its task's end does not come.
    task.seenMs = ageMs;
    schedule(now + (await planner.nextCheckInMs(asked(ageMs))), task, 'check');
  }
  return ended;
}

function meanOf(ended) {
  const sum = (of) => ended.reduce((total, task) => total + of(task), 0) / ended.length;
  return { checks: sum(({ checks }) => checks), noticeMs: sum(({ lateMs }) => lateMs) };
}

async function hintsOf(stand, kind) {
  const rows = [];
  for (const pressure of pressures) {
    for (const share of hintShares) {
      const ended = await hinted(stand, kind, { pressure, share });
      const measured = ended.filter(({ index }) => index >= hintedTasks / 4);
      rows.push([`${pressure}, ${share * 100} % of hints`, meanOf(measured)]);
    }
    const stopMs = (hintedTasks / 2) * spacingMs;
    const stopped = await hinted(stand, kind, { pressure, share: 1, stopMs });
    const isAfter =
      (fromMs, toMs) =>
      ({ endMs }) =>
        endMs >= stopMs + fromMs && endMs < stopMs + toMs;
    rows.push(
      [
        `${pressure}, ended in the minute after the last hint`,
        meanOf(stopped.filter(isAfter(0, 60_000))),
      ],
      [`${pressure}, ended later`, meanOf(stopped.filter(isAfter(60_000, 900_000)))],
    );
  }
  return rows;
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

function printHints(kind, rows) {
  console.log(`\n${kind.category}, with hints ${hintDelay.medianMs / 1000} s after the end`);
  const columns = ([name, { checks, noticeMs }]) => {
    const row = { 'looks a task': round(checks), 'mean time to notice, s': round(noticeMs / 1000) };
    return [name, row];
  };
  console.table(Object.fromEntries(rows.map(columns)));
}

const stand = await openStand();
for (const kind of kinds) {
  const { logNormal } = openRandom(1);
  kind.durationsMs = Array.from({ length: tasksMeasured }, () => logNormal(kind));
  if (!process.argv.includes('--hints'))
    printKind(kind, await schedulesOf(stand, kind), bestFrontier(exactDistribution(kind)));
  printHints(kind, await hintsOf(stand, kind));
}
await stand.close();
