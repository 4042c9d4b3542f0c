import type { Redis } from 'ioredis';
import { AccountLedger, type Lane, type LimitHint } from '../../src/ledger/account-ledger.js';
import { RandomStream } from '../../src/simulator/random-stream.js';
import { RateGate } from '../../src/simulator/rate-gate.js';
import type { RateLimit } from '../../src/simulator/settings.js';
import { newPrefix } from './ledger.js';
import { openSimulatedRedis } from './simulated-pace.js';

export interface World {
  limit: Partial<RateLimit> & { limit: number };
  /** What `--rate` says; null: the limit is to be learned. */
  told: number | null;
  processes?: number;
  seed?: number;
  /** A task's duration, and with it when its one check is due. */
  taskMs?: number;
  /** HTTP requests at once, per process and stage. */
  concurrency?: number;
  /** Headers of what is let through, whatever the limit is. */
  headers?: Record<string, string>;
}

export interface Span {
  /** Requests that the API let through, and refused. */
  taken: number;
  refused: number;
  finished: number;
  seconds: number;
}

const startMs = 1_800_000_000_000;
const roundTripMs = 80;
const longestWaitMs = 2_000;

/** The same on every run, but for `SEED`. */
export function seededNumbers(name: string, seed = Number(process.env.SEED ?? 1)): RandomStream {
  return new RandomStream(seed, name);
}

interface Request {
  lane: Lane;
  id: number;
  recall: number;
}

/** Several processes that always have something to submit, an API with a limit, and no time that passes. */
export class PaceWorld {
  nowMs = startMs;
  private gate: RateGate;
  private readonly events: { atMs: number; order: number; act: () => Promise<void> }[] = [];
  private readonly account: AccountLedger;
  private readonly random: () => number;
  private readonly setClock: (ms: number) => Promise<unknown>;
  private readonly redis: Redis;
  private order = 0;
  private ids = 0;
  private span = { taken: 0, refused: 0, finished: 0 };
  /** When each check came due, until it was sent; and the worst that any of them waited. */
  private readonly due = new Map<number, number>();
  latestCheckMs = 0;

  constructor(private readonly world: World) {
    const prefix = newPrefix();
    const { redis, setClock } = openSimulatedRedis(prefix);
    this.redis = redis;
    this.setClock = setClock;
    this.account = new AccountLedger(redis, prefix, 'account');
    const numbers = seededNumbers('world', world.seed);
    this.random = () => numbers.next();
    this.gate = this.openGate(world.limit);
    for (let index = 0; index < (world.processes ?? 1); index += 1) {
      const process = new SimulatedProcess(this.random);
      this.at(index * 37, () => this.submitLoop(process));
      this.at(0, () => this.beat(`w${index}`));
    }
  }

  setLimit(limit: World['limit']): void {
    this.gate = this.openGate(limit);
  }

  /** Lets so many seconds pass, and tells what happened in them. */
  async run(seconds: number): Promise<Span> {
    this.span = { taken: 0, refused: 0, finished: 0 };
    const endMs = this.nowMs + seconds * 1000;
    for (;;) {
      const next = this.nextEvent(endMs);
      if (!next) break;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      await next.act();
    }
    this.nowMs = endMs;
    return { ...this.span, seconds };
  }

  private openGate(limit: World['limit']): RateGate {
    const { windowMs = 1000, window = 'fixed', retryAfter = 'seconds', headers = 'none' } = limit;
    const rate = { limit: limit.limit, windowMs, window, retryAfter, headers };
    return new RateGate({ rate, submitRate: null, readRate: null });
  }

  private nextEvent(endMs: number) {
    const first = this.events[0];
    if (!first || first.atMs > endMs) return null;
    return this.events.shift();
  }

  private at(afterMs: number, act: () => Promise<void>): void {
    const event = { atMs: this.nowMs + afterMs, order: this.order, act };
    this.order += 1;
    let low = 0;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.events[middle];
      if (other && other.atMs <= event.atMs) low = middle + 1;
      else high = middle;
    }
    this.events.splice(low, 0, event);
  }

  private async beat(worker: string): Promise<void> {
    await this.setClock(this.nowMs);
    await this.account.heartbeat(worker, { rate: this.world.told });
    this.at(2_000, () => this.beat(worker));
  }

  private async submitTurn(): Promise<{ taken: boolean; waitMs: number }> {
    await this.setClock(this.nowMs);
    const { pace, workers } = this.account.keys;
    const redis = this.redis as unknown as Record<
      string,
      (...values: (string | number)[]) => Promise<[number, number]>
    >;
    const ask = redis['rivya:submit-turn'];
    if (!ask) throw new Error('no script');
    const [taken, waitMs] = await ask.call(this.redis, 2, pace, workers, longestWaitMs, '');
    return { taken: taken === 1, waitMs };
  }

  /** One asks at a time, as in the submit gate; so many requests at once as there are slots. */
  private async submitLoop(process: SimulatedProcess): Promise<void> {
    const again = (afterMs: number) => this.at(afterMs, () => this.submitLoop(process));
    if (process.busy.submit >= (this.world.concurrency ?? 16)) return again(20);
    const { taken, waitMs } = await this.submitTurn();
    if (!taken) return again(waitMs + 1);
    process.busy.submit += 1;
    this.ids += 1;
    const request: Request = { lane: 'submit', id: this.ids, recall: process.recalls };
    this.at(waitMs + this.random() * 5, () => this.send(process, request));
    return again(1);
  }

  private async check(process: SimulatedProcess, id: number): Promise<void> {
    await this.setClock(this.nowMs);
    const turn = await this.account.takeTurn(longestWaitMs, String(id));
    if (turn.kind === 'too_far') {
      this.at(turn.waitMs + this.random() * 60, () => this.check(process, id));
      return;
    }
    const request: Request = { lane: 'read', id, recall: process.recalls };
    this.at(turn.waitMs + this.random() * 5, () => this.send(process, request));
  }

  private async send(process: SimulatedProcess, request: Request): Promise<void> {
    // A 429 took the turn back meanwhile.
    if (request.recall !== process.recalls) return this.retry(process, request, 1);
    const { lane, id } = request;
    const dueMs = this.due.get(id);
    if (dueMs !== undefined) this.latestCheckMs = Math.max(this.latestCheckMs, this.nowMs - dueMs);
    this.due.delete(id);
    this.at(roundTripMs * (0.4 + 0.2 * this.random()), async () => {
      const admission = this.gate.pass(lane, 'key', this.nowMs);
      const back = roundTripMs * (0.4 + 0.2 * this.random());
      this.at(back, () => this.answered(process, request, admission));
    });
  }

  private retry(process: SimulatedProcess, { lane, id }: Request, afterMs: number): void {
    if (lane === 'submit') process.busy.submit -= 1;
    else this.at(afterMs, () => this.check(process, id));
  }

  private async answered(
    process: SimulatedProcess,
    request: Request,
    { kind, headers }: ReturnType<RateGate['pass']>,
  ): Promise<void> {
    await this.setClock(this.nowMs);
    const { lane, id } = request;
    if (kind === 'refused') {
      this.span.refused += 1;
      process.recalls += 1;
      const seconds = headers['retry-after'];
      const retryAfterMs = seconds === undefined ? null : Number(seconds) * 1000;
      const waitMs = await this.account.noteRefused(retryAfterMs, lane);
      return this.retry(process, request, waitMs * (1 + 0.5 * this.random()));
    }
    this.span.taken += 1;
    if (this.nowMs - process.notedAtMs >= 1_000) {
      process.notedAtMs = this.nowMs;
      await this.account.noteTaken(lane, readHint({ ...headers, ...this.world.headers }));
    }
    if (lane === 'read') this.span.finished += 1;
    else {
      process.busy.submit -= 1;
      const taskMs = this.world.taskMs ?? 15_000;
      this.at(taskMs, async () => {
        this.due.set(id, this.nowMs);
        await this.check(process, id);
      });
    }
  }
}

function readHint(headers: Record<string, string>): LimitHint | null {
  const read = (name: string) => {
    const text = headers[`x-ratelimit-${name}`];
    return text === undefined ? null : Number(text);
  };
  const reset = read('reset');
  if (reset === null) return null;
  return { limit: read('limit'), remaining: read('remaining'), resetMs: reset * 1000 };
}

class SimulatedProcess {
  readonly busy = { submit: 0 };
  notedAtMs = 0;
  recalls = 0;

  constructor(readonly random: () => number) {}
}
