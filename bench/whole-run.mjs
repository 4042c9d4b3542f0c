// How long a whole run takes at a known pace, beside the least, on simulated time: our ledger and its real scripts, which
// are told the time; our planner with its real sketch; tasks that take what they take. Seeded.
// The least is two requests a brief, one right after the other, and the time of one task.
//   npm run bench:whole-run [-- WORDS]   all runs (about 4 minutes), or those whose name has WORDS
import { pino } from 'pino';
import { AccountLedger } from '../dist/ledger/account-ledger.js';
import { BatchLedger } from '../dist/ledger/batch-ledger.js';
import { DurationLedger } from '../dist/ledger/durations.js';
import { inFlightMember } from '../dist/ledger/keys.js';
import { moves } from '../dist/ledger/moves.js';
import { scriptSource } from '../dist/ledger/scripts.js';
import { longestTurnWaitMs, Pacer } from '../dist/worker/pacing/pacer.js';
import { endless } from '../dist/worker/polling/policy.js';
import { PollPlanner } from '../dist/worker/polling/poll-planner.js';
import { openRandom, openStand, round } from './stand.mjs';

const rate = 38;
const kinds = [
  { name: '3 s', medianMs: 3_000, sigma: 0 },
  { name: '3 s, sigma 0.4', medianMs: 3_000, sigma: 0.4 },
  { name: '12 s, sigma 0.4', medianMs: 12_000, sigma: 0.4 },
];
const runs = [10_000, 200].flatMap((places) =>
  [500, 5_000].flatMap((count) =>
    kinds.flatMap((kind) =>
      [450, 0].map((history) => {
        const known = history > 0 ? 'known' : 'unknown';
        return {
          count,
          kind,
          history,
          places,
          name: [count, 'of', kind.name, known, places, 'places'].join(' '),
        };
      }),
    ),
  ),
);
/** A single straggler near its end makes a short run longer. */
const seedsOf = ({ count }) => (count < 1_000 ? 10 : 3);

/** From a request to its answer. */
const latencyMs = 40;
const beatEveryMs = 2_000;
/** So old are the counts that a process goes by. */
const readEveryMs = 1_000;
/** As the ledger gathers them. */
const learnEveryMs = 1_000;
const prefix = 'sim';
const batch = 'b';

/** Our scripts, told the time instead of asking Redis for it. */
function simulateTime(redis) {
  const told =
    "(function() local now = tonumber(redis.call('GET', 'simulated')) return { math.floor(now / 1000), now % 1000 * 1000 } end)()";
  for (const name of ['begin-submit', 'take-turn', 'heartbeat', 'move']) {
    const lua = scriptSource(name).replaceAll("redis.call('TIME')", told);
    redis.defineCommand(`rivya:${name}`, { lua });
  }
}

/** What is due, in the order of its time; of one time, in the order in which it was put in. */
class Agenda {
  #due = new Map();
  #times = [];

  put(atMs, act) {
    const at = Math.ceil(atMs);
    const acts = this.#due.get(at);
    if (acts) return acts.push(act);
    this.#due.set(at, [act]);
    let low = 0;
    for (let high = this.#times.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.#times[middle] > at) low = middle + 1;
      else high = middle;
    }
    this.#times.splice(low, 0, at);
  }

  /** Null where nothing is due any more. */
  next() {
    const at = this.#times.at(-1);
    if (at === undefined) return null;
    const acts = this.#due.get(at);
    const act = acts.shift();
    if (acts.length === 0) {
      this.#due.delete(at);
      this.#times.pop();
    }
    return { at, act };
  }
}

/** One process with one batch, from its first request to the look that finds its last task over. */
class Run {
  startMs = 1_000_000_000_000;
  now = this.startMs;
  agenda = new Agenda();
  submitted = 0;
  done = 0;
  checks = 0;
  inFlight = 0;
  mostInFlight = 0;
  waitsForPlace = false;
  learned = [];

  constructor(redis, settings, foresight, seed) {
    Object.assign(this, { redis, ...settings, foresight, random: openRandom(seed) });
    this.account = new AccountLedger(redis, prefix, 'bench');
    this.ledger = new BatchLedger(redis, prefix, batch, this.account);
    this.pacer = new Pacer(this.account, new AbortController().signal);
    this.planner = new PollPlanner({
      durations: new DurationLedger(redis, this.account.keys),
      clock: { now: () => this.now },
      log: pino({ level: 'silent' }),
      random: this.random.uniform,
    });
    this.left = this.count;
  }

  async play() {
    const { count, kind, history, redis } = this;
    await redis.flushall();
    await redis.set('simulated', this.now);
    const identity = {
      origin: 'bench',
      account: 'bench',
      out: '',
      nonce: '',
      createdAt: 1,
      requestIds: 'given',
    };
    await this.ledger.open(identity);
    for (let from = 0; from < count; from += 1_000) {
      const briefs = Array.from({ length: Math.min(1_000, count - from) }, (_, index) => ({
        id: `b${from + index}`,
        fingerprint: 'ab',
        origin: '{}',
        body: '{}',
      }));
      await this.ledger.briefs.admit(briefs, 1);
    }
    await redis.hset(this.account.keys.prices, 'm', 1);
    this.learned = Array.from({ length: history }, () => this.random.logNormal(kind));
    await this.learn();
    await this.every(beatEveryMs, () =>
      this.account.heartbeat('worker', { rate, inFlight: this.places }),
    );
    await this.every(readEveryMs, () => {
      this.left = count - this.done;
    });
    await this.every(learnEveryMs, () => this.learn());
    this.agenda.put(this.now, () => this.submit());
    while (this.done < count) {
      const { at, act } = this.agenda.next();
      if (at > this.now) {
        this.now = at;
        await redis.set('simulated', at);
      }
      await act();
    }
    const spanMs = this.now - this.startMs;
    return {
      spanS: spanMs / 1_000,
      submittedS: (this.lastSubmitMs - this.startMs) / 1_000,
      checks: this.checks / count,
      mostInFlight: this.mostInFlight,
    };
  }

  async every(ms, act) {
    await act();
    this.agenda.put(this.now + ms, () => this.every(ms, act));
  }

  /** All at once, as they were gathered. */
  async learn() {
    const durations = new DurationLedger(this.redis, this.account.keys);
    for (const durationMs of this.learned.splice(0)) void durations.note(['m'], durationMs);
    await durations.tell();
  }

  async submit() {
    if (this.submitted === this.count) return;
    const id = `b${this.submitted}`;
    const permit = await this.ledger.briefs.beginSubmit(
      { id, attempt: 1, priceKind: 'm', guess: 1, least: 1 },
      { longestWaitMs: longestTurnWaitMs, defaultInFlight: 8, createdAt: 1 },
    );
    if (permit.kind === 'wait') {
      this.waitsForPlace = permit.reason === 'in_flight';
      if (!this.waitsForPlace) this.agenda.put(this.now + permit.waitMs, () => this.submit());
      return;
    }
    this.pacer.noteLoad(permit);
    this.submitted += 1;
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    this.agenda.put(this.now + permit.waitMs, () => this.send(id, permit));
    this.agenda.put(this.now, () => this.submit());
  }

  send(id, permit) {
    this.lastSubmitMs = this.now;
    const endsMs = this.now + latencyMs / 2 + this.random.logNormal(this.kind);
    this.agenda.put(this.now + latencyMs, async () => {
      const to = moves.accepted(permit.brief.state, {
        taskId: id,
        reserved: 1,
        submittedAt: this.now,
        category: 'image',
        kind: 'm',
      });
      const { brief } = await this.ledger.briefs.move(id, { from: permit.brief, to });
      await this.planLook({ id, brief, startedMs: this.now - latencyMs / 2, endsMs });
    });
  }

  async planLook(task) {
    const { submittedAt, checks } = task.brief.state;
    const { pressure, ahead } = this.pacer.load(this.left);
    const waitMs = await this.planner.nextCheckInMs({
      kind: 'm',
      category: 'image',
      ageMs: this.now - submittedAt,
      checks,
      pressure,
      ahead: this.foresight === 'none' ? endless : ahead,
    });
    this.agenda.put(this.now + waitMs, () => this.look(task));
  }

  async look(task) {
    const turn = await this.account.takeTurn(longestTurnWaitMs, inFlightMember(batch, task.id));
    this.pacer.noteTurn(turn);
    const next = this.now + turn.waitMs;
    if (turn.kind === 'too_far') return this.agenda.put(next, () => this.look(task));
    this.agenda.put(next, () => {
      this.checks += 1;
      const isOver = this.now + latencyMs / 2 >= task.endsMs;
      this.agenda.put(this.now + latencyMs, () => this.settle(task, isOver));
    });
  }

  async settle(task, isOver) {
    const looked = moves.lookedAt(task.brief.state, isOver ? null : this.now);
    const end = { reserved: 1, final: 1, completedAt: this.now };
    const to = isOver ? moves.succeeded(looked, end) : looked;
    const { brief } = await this.ledger.briefs.move(task.id, { from: task.brief, to });
    if (!isOver) return this.planLook({ ...task, brief });
    this.learned.push(task.endsMs - task.startedMs);
    this.done += 1;
    this.inFlight -= 1;
    if (this.waitsForPlace) this.agenda.put(this.now, () => this.submit());
    this.waitsForPlace = false;
  }
}

async function average(redis, run, foresight) {
  const seeds = seedsOf(run);
  const sums = {};
  for (let seed = 1; seed <= seeds; seed += 1) {
    const figures = await new Run(redis, run, foresight, seed).play();
    for (const [name, figure] of Object.entries(figures)) {
      sums[name] = (sums[name] ?? 0) + figure / seeds;
    }
  }
  return sums;
}

const [words = ''] = process.argv.slice(2);
const stand = await openStand();
simulateTime(stand.redis);
const rows = {};
for (const run of runs.filter(({ name }) => name.includes(words))) {
  const leastS = (2 * run.count) / rate + run.kind.medianMs / 1_000;
  const blind = await average(stand.redis, run, 'none');
  const ours = await average(stand.redis, run, 'ours');
  rows[run.name] = {
    'least, s': round(leastS, 1),
    'not knowing what is left, s': round(blind.spanS, 1),
    'ours, s': round(ours.spanS, 1),
    'not knowing, share': round(leastS / blind.spanS, 3),
    'ours, share': round(leastS / ours.spanS, 3),
    'not knowing, checks': round(blind.checks, 3),
    'ours, checks': round(ours.checks, 3),
    'last submission, s': round(ours.submittedS, 1),
    'most in flight': Math.round(ours.mostInFlight),
  };
}
console.table(rows);
await stand.close();
