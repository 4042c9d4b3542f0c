import type { Redis } from 'ioredis';
import { tellNews } from '../shared/news.js';
import { type AccountView, type Pressure, readAccountView } from './account-view.js';
import { type AccountKeys, accountKeys } from './keys.js';
import { MessageLedger } from './message-ledger.js';
import { runScript } from './scripts.js';
import { UploadLedger } from './upload-ledger.js';

/** Requests that the API may count apart. */
export type Lane = 'submit' | 'read';

export interface Turn {
  /** `too_far`: none is kept; come again after `waitMs`. */
  kind: 'taken' | 'too_far';
  waitMs: number;
  pressure: Pressure;
  /** From one turn to the next. */
  spacingMs: number;
}

/** Whose task one is. */
export interface TaskBrief {
  batch: string;
  briefId: string;
}

/** What the API's own headers said of its limit; null where unsaid. */
export interface LimitHint {
  limit: number | null;
  remaining: number | null;
  resetMs: number | null;
}

/** Limits that a worker was told; null where it was not. */
export interface ToldLimits {
  /** Requests a second, of all kinds together. */
  rate: number | null;
  inFlight: number | null;
  /** Requests a second where the API counts submissions and reads apart. */
  submitRate: number | null;
  readRate: number | null;
}

const firstProbeMs = 5_000;
const longestProbeMs = 60_000;
const firstDownMs = 2_000;
const longestDownMs = 60_000;

/**
 * What all batches and machines of one API origin and key share: pace, in-flight set, holds.
 * All times are Redis' (S7).
 */
export class AccountLedger {
  readonly keys: AccountKeys;
  readonly records: AccountRecords;
  readonly uploads: UploadLedger;
  readonly messages: MessageLedger;

  constructor(
    private readonly redis: Redis,
    private readonly prefix: string,
    readonly account: string,
  ) {
    this.keys = accountKeys(prefix, account);
    this.records = new AccountRecords(redis, this.keys);
    this.uploads = new UploadLedger(redis, this.keys);
    this.messages = new MessageLedger(redis, prefix, account, this.keys);
  }

  /**
   * A turn for a request that is not a submission; none is kept when it is further away than `longestWaitMs`.
   * @param member who asks: where turns are scarce, those that came due first come first; '' for no place in that line
   */
  async takeTurn(longestWaitMs: number, member = ''): Promise<Turn> {
    const reply = (await runScript(this.redis, 'take-turn', {
      keys: [this.keys.pace, this.keys.clock],
      values: [longestWaitMs, member],
    })) as [number, number, Pressure, string];
    const [taken, waitMs, pressure, spacing] = reply;
    return {
      kind: taken === 1 ? 'taken' : 'too_far',
      waitMs,
      pressure,
      spacingMs: Number(spacing),
    };
  }

  /**
   * Tells the pace that a request was taken (anything but 429).
   * @returns the ms for which nothing is sent because the headers say that nothing is left; 0 where they do not
   */
  async noteTaken(lane: Lane = 'read', hint: LimitHint | null = null): Promise<number> {
    const { remaining, limit, resetMs } = hint ?? {};
    const reply = await runScript(this.redis, 'answered', {
      keys: this.answerKeys,
      values: ['taken', '', 0, remaining ?? '', limit ?? '', resetMs ?? '', lane],
    });
    return Number(reply);
  }

  /** Tells the pace of a 429; returns the ms for which no request of this account is sent. */
  async noteRefused(retryAfterMs: number | null, lane: Lane = 'read'): Promise<number> {
    const reply = await runScript(this.redis, 'answered', {
      keys: this.answerKeys,
      values: ['refused', retryAfterMs ?? '', Math.random(), '', '', '', lane],
    });
    return Number(reply);
  }

  /** Tells the in-flight cap of a 429 that was about running tasks. */
  async noteTooManyRunning(defaultInFlight: number): Promise<void> {
    await runScript(this.redis, 'answered', {
      keys: this.answerKeys,
      values: ['too_many_running', defaultInFlight],
    });
  }

  private get answerKeys(): string[] {
    const { pace, inFlight, clock } = this.keys;
    return [pace, inFlight, clock];
  }

  /**
   * Says that a worker is there, and what it was told; returns who else is. While one of them takes hints, briefs are
   * found by their tasks.
   */
  async heartbeat(
    worker: string,
    told: Partial<ToldLimits>,
    hints: 'hints' | 'none' = 'none',
  ): Promise<string[]> {
    const { rate, inFlight, submitRate, readRate } = told;
    const { workers, pace, clock } = this.keys;
    const live = (await runScript(this.redis, 'heartbeat', {
      keys: [workers, pace, clock],
      values: [
        worker,
        ...[rate, inFlight, submitRate, readRate].map((limit) => limit ?? '-'),
        hints === 'hints' ? hints : '-',
      ],
    })) as string[];
    return live.filter((other) => other !== worker);
  }

  /** The briefs whose tasks these are, of those that are running; null for one that is not, or not known yet. */
  async briefsOf(taskIds: readonly string[]): Promise<(TaskBrief | null)[]> {
    if (taskIds.length === 0) return [];
    const members = await this.redis.mget(taskIds.map((id) => `${this.keys.tasks}${id}`));
    return members.map((member) => {
      if (member === null) return null;
      const at = member.indexOf('\n');
      return { batch: member.slice(0, at), briefId: member.slice(at + 1) };
    });
  }

  /**
   * For how many ms no job of a submit queue need be taken, as far as all batches are held by the same; 0 for none.
   * No leave: that is given to one brief by `BriefLedger.beginSubmit`.
   */
  async heldForMs(longestWaitMs: number, defaultInFlight: number): Promise<number> {
    const { pace, inFlight, gate, clock } = this.keys;
    const reply = await runScript(this.redis, 'may-submit', {
      keys: [pace, inFlight, gate, clock],
      values: [longestWaitMs, defaultInFlight],
    });
    return Number(reply);
  }

  /** Whoever waits for this account is told that it may go on. */
  private async tell(): Promise<void> {
    await tellNews(this.redis, this.prefix, { about: 'account', name: this.account });
  }

  async leave(worker: string): Promise<void> {
    await this.redis.hdel(this.keys.workers, worker);
  }

  /** Out of credits; `by` says whether a probe found it, which doubles the time to the next one. */
  async park(by: 'submission' | 'probe'): Promise<number> {
    const reply = await runScript(this.redis, 'hold-submissions', {
      keys: [this.keys.gate, this.keys.clock],
      values: ['credits', firstProbeMs, longestProbeMs, '', by === 'probe' ? 'probe' : ''],
    });
    await this.tell();
    return Number(reply);
  }

  async unpark(): Promise<void> {
    await this.redis.hdel(this.keys.gate, 'parked', 'spacing', 'probe_at');
    await this.tell();
  }

  /** The key was refused: nothing is submitted until a person acts and starts again. */
  async halt(code: string, message: string): Promise<void> {
    await this.redis.hset(this.keys.gate, { halted: code, halted_message: message });
    await this.tell();
  }

  async unhalt(): Promise<void> {
    await this.redis.hdel(this.keys.gate, 'halted', 'halted_message');
    await this.tell();
  }

  /** The API cannot be reached; returns the ms for which no submission is sent. */
  async noteDown(retryAfterMs: number | null): Promise<number> {
    const reply = await runScript(this.redis, 'hold-submissions', {
      keys: [this.keys.gate, this.keys.clock],
      values: ['api', firstDownMs, longestDownMs, retryAfterMs ?? '', ''],
    });
    return Number(reply);
  }

  async noteUp(): Promise<void> {
    await this.redis.hdel(this.keys.gate, 'down_until', 'down_spacing');
    await this.tell();
  }

  /** Names of the batches that have tasks in flight. */
  async batchesInFlight(): Promise<string[]> {
    const members = await this.redis.zrange(this.keys.inFlight, '0', '-1');
    return [...new Set(members.map((member) => member.slice(0, member.indexOf('\n'))))].sort();
  }

  /** Price kind -> the largest price that was charged so far. */
  async prices(): Promise<Map<string, number>> {
    const fields = await this.redis.hgetall(this.keys.prices);
    return new Map(Object.entries(fields).map(([kind, price]) => [kind, Number(price)]));
  }

  view(): Promise<AccountView> {
    return readAccountView(this.redis, this.keys);
  }
}

/** What the API last said of the wallet. */
export interface WalletSight {
  credits: number;
  /** By Redis' clock, ms since the epoch. */
  readAtMs: number;
}

/** What an answer was, by the endpoint that gave it. */
export interface AnswerCount {
  endpoint: string;
  outcome: string;
  count: number;
}

/** Seldom enough to cost next to nothing of any pace, often enough for an alert. */
const walletFreshMs = 5 * 60_000;

/** What is kept of an account to be looked at by people: nothing is decided by it. */
export class AccountRecords {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Pick<AccountKeys, 'answers' | 'gate' | 'clock' | 'label'>,
  ) {}

  /** What people call the key, which is nowhere itself (S8). */
  async noteLabel(label: string): Promise<void> {
    await this.redis.set(this.keys.label, label);
  }

  /** Null where it has none. */
  label(): Promise<string | null> {
    return this.redis.get(this.keys.label);
  }

  async noteWallet(credits: number): Promise<void> {
    const { gate, clock } = this.keys;
    await runScript(this.redis, 'wallet', { keys: [gate, clock], values: ['told', credits] });
  }

  /** Null where nobody has read it yet. */
  async wallet(): Promise<WalletSight | null> {
    const fields = ['credits', 'credits_read_at'];
    const [credits, readAt] = await this.redis.hmget(this.keys.gate, ...fields);
    if (!credits || !readAt) return null;
    return { credits: Number(credits), readAtMs: Number(readAt) };
  }

  /**
   * After how many ms it is worth claiming a look at the balance; 0 to one of all machines, where it was not read for
   * minutes and no hold forbids to ask.
   */
  async claimWalletLook(): Promise<number> {
    const { gate, clock } = this.keys;
    const dueInMs = await runScript(this.redis, 'wallet', {
      keys: [gate, clock],
      values: ['look', walletFreshMs],
    });
    return Number(dueInMs);
  }

  /** Nothing was asked after all: whoever claims next may. */
  async giveBackWalletLook(): Promise<void> {
    await this.redis.hdel(this.keys.gate, 'credits_asked_at');
  }

  /** Adds to the counts of all machines, in one command. */
  async addAnswers(counts: readonly AnswerCount[]): Promise<void> {
    if (counts.length === 0) return;
    const fields = counts.flatMap(({ endpoint, outcome, count }) => [
      `${endpoint} ${outcome}`,
      count,
    ]);
    await runScript(this.redis, 'count', { keys: [this.keys.answers], values: ['', ...fields] });
  }

  async answers(): Promise<AnswerCount[]> {
    const fields = await this.redis.hgetall(this.keys.answers);
    return Object.entries(fields).map(([name, count]) => {
      const [endpoint = '', outcome = ''] = name.split(' ');
      return { endpoint, outcome, count: Number(count) };
    });
  }
}
