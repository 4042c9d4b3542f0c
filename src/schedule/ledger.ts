import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import { DeedLedger } from '../ledger/deeds.js';
import {
  accountKeys,
  clockKey,
  type ScheduleKeys,
  scheduleKeys,
  scheduleOwnersKey,
} from '../ledger/keys.js';
import { MessageLedger, type Webhook } from '../ledger/message-ledger.js';
import { compareAndSet, runScript } from '../ledger/scripts.js';
import {
  decodeRun,
  encodeRun,
  isOpen,
  type ReadRun,
  type Schedule,
  type ScheduleRun,
  scheduleSchema,
} from './schedule.js';

export type RunClaim = 'claimed' | 'there' | 'gone' | 'changed' | 'name_taken';

/** The runs of a schedule at one moment, oldest first. */
export interface RunBook {
  runs: ReadRun[];
  /** Runs that were ever claimed: raised with each. */
  claims: string;
}

/** Older ones that have ended are forgotten. */
const mostRuns = 100;

/** Whose schedules they are: an API origin, and the hash over it and the key. */
export interface ScheduleOwner {
  account: string;
  origin: string;
}

/** The durable account of the schedules of one API origin and key. */
export class ScheduleLedger {
  readonly keys: ScheduleKeys;
  /** Who is told of them, and of what. */
  readonly messages: MessageLedger;

  constructor(
    private readonly redis: Redis,
    private readonly prefix: string,
    private readonly owner: ScheduleOwner,
  ) {
    const { account } = owner;
    this.keys = scheduleKeys(prefix, account);
    this.messages = new MessageLedger(redis, prefix, account, accountKeys(prefix, account));
  }

  get origin(): string {
    return this.owner.origin;
  }

  /** `same`: it is there already, word for word. */
  async add(schedule: Schedule, webhook: Webhook | 'none'): Promise<'added' | 'same' | 'exists'> {
    const { schedules } = this.keys;
    const text = JSON.stringify(schedule);
    await this.enlist();
    const added = (await this.redis.hsetnx(schedules, schedule.name, text)) === 1;
    // Compared as it is read: an earlier version did not write what has a default.
    const known = added ? readSchedule(text) : await this.find(schedule.name);
    if (known === null || !isDeepStrictEqual(known, readSchedule(text))) return 'exists';
    await this.messages.listen(`schedule ${schedule.name}`, webhook);
    return added ? 'added' : 'same';
  }

  /** Has those find these schedules who look for the schedules of all accounts. */
  async enlist(): Promise<void> {
    await this.redis.hset(this.keys.owners, this.owner.account, this.owner.origin);
  }

  /** Null when there is none of that name. */
  async find(name: string): Promise<Schedule | null> {
    const text = await this.redis.hget(this.keys.schedules, name);
    return text === null ? null : readSchedule(text);
  }

  /** In the order of their names. */
  async all(): Promise<Schedule[]> {
    const texts = await this.redis.hvals(this.keys.schedules);
    return texts.map(readSchedule).sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** Keeps what `change` makes of it, of whatever anybody else has made of it meanwhile; null where there is none. */
  async change(
    name: string,
    change: (schedule: Schedule) => Schedule,
  ): Promise<{ before: Schedule; after: Schedule } | null> {
    const { schedules } = this.keys;
    let text = await this.redis.hget(schedules, name);
    while (text !== null && text !== '') {
      const before = readSchedule(text);
      const after = change(before);
      const values: [string, string, string, string] = [name, text, name, JSON.stringify(after)];
      const [set, instead = ''] = await compareAndSet(this.redis, {
        keys: [schedules, schedules],
        values,
      });
      if (set === 1) return { before, after };
      text = instead;
    }
    return null;
  }

  /** Deletes the schedule, its webhook and its history; its batches stay. */
  async remove(name: string): Promise<void> {
    const { schedules, runs, names, deeds } = this.keys;
    await this.redis.hdel(schedules, name);
    await this.messages.listen(`schedule ${name}`, 'none');
    await this.redis.unlink(runs + name, names + name, deeds + name);
  }

  /** What people have done to one of them. */
  deedsOf(name: string): DeedLedger {
    const { schedules, deeds } = this.keys;
    const clock = clockKey(this.prefix);
    return new DeedLedger(this.redis, { hash: schedules, field: name, list: deeds + name, clock });
  }

  /** Null where nobody is told. Not to be shown or logged: see `Webhook.url`. */
  async webhook(name: string): Promise<Webhook | null> {
    const [webhook = null] = await this.messages.webhooks([`schedule ${name}`]);
    return webhook;
  }

  /** Webhooks that an earlier version was given, wherever they led, to be told of what did not go well. */
  async takeOverWebhooks(): Promise<void> {
    const { earlierWebhooks } = this.keys;
    for (const [name, url] of Object.entries(await this.redis.hgetall(earlierWebhooks))) {
      const on: Webhook['on'] = ['failed', 'waiting'];
      await this.messages.listen(`schedule ${name}`, {
        url,
        on,
        network: 'any',
        trust: 'unsigned',
      });
      await this.redis.hdel(earlierWebhooks, name);
    }
  }

  async readRun(name: string, id: string): Promise<ReadRun | null> {
    const text = await this.redis.hget(this.keys.runs + name, id);
    return text === null ? null : decodeRun(text);
  }

  async runs(name: string): Promise<RunBook> {
    // The count first: a run that is claimed in between makes the claim of a third fail, not go unseen.
    const claims = (await this.redis.hget(this.keys.names + name, '#claims')) ?? '0';
    const texts = await this.redis.hvals(this.keys.runs + name);
    const runs = texts.map(decodeRun);
    return { claims, runs: runs.sort((left, right) => orderOf(left) - orderOf(right)) };
  }

  /** Makes a run's record, together with the name of its batch, if no other run was claimed since `claims`. */
  async claim(name: string, run: ScheduleRun, claims: string): Promise<RunClaim> {
    const { schedules, runs, names } = this.keys;
    const batch = run.stage === 'skipped' ? '' : run.batch;
    const reply = await runScript(this.redis, 'claim-run', {
      keys: [schedules, runs + name, names + name],
      values: [name, run.id, encodeRun(run), claims, batch],
    });
    return reply as RunClaim;
  }

  /** Compare-and-set: a worker that was frozen and wakes changes nothing. */
  async save(name: string, from: ReadRun, to: ScheduleRun): Promise<'saved' | 'was_changed'> {
    const runs = this.keys.runs + name;
    const [saved] = await compareAndSet(this.redis, {
      keys: [runs, runs],
      values: [to.id, from.text, to.id, encodeRun(to)],
    });
    return saved === 1 ? 'saved' : 'was_changed';
  }

  /** Keeps the history short. */
  async forgetOldRuns(name: string): Promise<void> {
    const { runs } = await this.runs(name);
    const ended = runs.filter(({ run }) => !isOpen(run)).map(({ run }) => run);
    for (const run of ended.slice(0, Math.max(0, runs.length - mostRuns))) {
      await this.redis.hdel(this.keys.runs + name, run.id);
      if (run.stage !== 'skipped') await this.redis.hdel(this.keys.names + name, run.batch);
    }
  }
}

function readSchedule(text: string): Schedule {
  return scheduleSchema.parse(JSON.parse(text));
}

function orderOf({ run }: ReadRun): number {
  return run.scheduledMs;
}

/** All that ever had a schedule, the same ones always in the same order; some may have none any more. */
export async function scheduleOwners(redis: Redis, prefix: string): Promise<ScheduleOwner[]> {
  const origins = Object.entries(await redis.hgetall(scheduleOwnersKey(prefix)));
  return origins.sort().map(([account, origin]) => ({ account, origin }));
}
