import { describe, expect, it, onTestFinished } from 'vitest';
import { type AdmissionPace, admitBriefs, atOnce } from '../../src/batch/admit.js';
import { admitBatch, beginBatch, openBatch } from '../../src/batch/continue-batch.js';
import type { CompiledInput } from '../../src/producer/compile-input.js';
import type { PreparedBrief } from '../../src/shared/brief.js';
import { StageQueues } from '../../src/shared/queues.js';
import { connect, identity, openLedger, preparedBrief } from '../support/ledger.js';

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `b${index}`);

async function* inOrder(ids: readonly string[]): AsyncGenerator<PreparedBrief> {
  for (const id of ids) yield preparedBrief(id);
}

/** A batch that somebody admits, and others work on. */
async function openAdmission(names: { batch?: string; prefix?: string } = {}) {
  const opened = await openLedger(names);
  const { ledger, redis, prefix, batch } = opened;
  const queues = new StageQueues(redis, prefix, batch);
  onTestFinished(() => queues.close());
  const [stop, leave] = [new AbortController(), new AbortController()];
  onTestFinished(() => stop.abort());
  const pace = (highWater: number): AdmissionPace => {
    return { stopping: stop.signal, unwaiting: leave.signal, highWater };
  };
  const other = connect();
  const waiting = new StageQueues(other, prefix, batch).queue('submit');
  onTestFinished(() => waiting.close());
  return {
    ...{ ...opened, queues, stop, leave, pace, other },
    admitAll: (ids: readonly string[], highWater: number) => {
      const admitting = { ledger, queues, out: '', clock: Date, journal: null };
      return admitBriefs({ ...admitting, ...pace(highWater) }, inOrder(ids));
    },
    /** In input order, as far as they have a job. */
    jobs: async () => (await waiting.getWaiting(0, -1)).map((job) => job.data.brief),
    /** As if so many had got their lines. */
    makeRoom: (count: number) => other.hincrby(ledger.keys.meta, 'lines:succeeded', count),
    admitted: async () => Number(await other.hget(ledger.keys.meta, 'admitted')),
  };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}

describe('an admission above its high water', () => {
  it('S4: waits, and goes on in input order as there is room, never above it', async () => {
    const { admitAll, jobs, makeRoom, admitted, stateOf } = await openAdmission();
    const ids = numbered(7);
    const admitting = admitAll(ids, 3);
    await until(async () => (await jobs()).length === 3);
    await makeRoom(1);
    await until(async () => (await admitted()) > 3);
    expect(await admitted()).toBe(4);
    await makeRoom(3);
    expect(await admitting).toBe('all');
    expect(await jobs()).toEqual(ids);
    expect(await stateOf('b6')).toMatchObject({ stage: 'admitted', seq: 7 });
  });

  it('costs Redis one command each time that it looks for room', async () => {
    const { admitAll, redis, jobs, stop } = await openAdmission();
    const sent: string[] = [];
    const admitting = admitAll(numbered(4), 3);
    await until(async () => (await jobs()).length === 3);
    const { sendCommand } = redis;
    redis.sendCommand = function (command, stream) {
      sent.push(command.name);
      return sendCommand.call(this, command, stream);
    };
    const looks = () => sent.slice(sent.indexOf('hmget'));
    await until(() => sent.includes('hmget') && looks().length >= 2);
    stop.abort();
    expect(await admitting).toBe('stopped');
    expect(looks()).toEqual(['hmget', 'hmget']);
  });

  it('S4: needs no room for what is admitted already, and gives it the jobs that a crash has left out', async () => {
    const { admit, admitAll, jobs, stop } = await openAdmission();
    await admit('b0', 'b1', 'b2');
    const admitting = admitAll(['b0', 'b1', 'new', 'b2'], 2);
    await until(async () => (await jobs()).length === 3);
    stop.abort();
    expect(await admitting).toBe('stopped');
    expect(await jobs()).toEqual(['b0', 'b1', 'b2']);
  });

  it('ends where nobody waits for room any more, and the same admission goes on', async () => {
    const { admitAll, jobs, leave, admitted } = await openAdmission();
    leave.abort();
    expect(await admitAll(numbered(5), 3)).toBe('stopped');
    expect(await admitted()).toBe(3);
    expect(await admitAll(numbered(3), 3)).toBe('all');
    expect(await jobs()).toEqual(numbered(3));
  });

  it('ends by itself for a batch that is cancelled meanwhile', async () => {
    const { admitAll, jobs, ledger, admitted } = await openAdmission();
    const admitting = admitAll(numbered(9), 2);
    await until(async () => (await jobs()).length === 2);
    await ledger.cancel();
    expect(await admitting).toBe('all');
    expect(await admitted()).toBe(2);
  });

  it('S4: two at once admit each brief once, and in input order', async () => {
    const one = await openAdmission();
    const two = await openAdmission({ prefix: one.prefix });
    const ids = numbered(12);
    const both = Promise.all([one.admitAll(ids, 5), two.admitAll(ids, 5)]);
    await until(async () => (await one.admitted()) === 5);
    await one.makeRoom(7);
    expect(await both).toEqual(['all', 'all']);
    expect(await one.jobs()).toEqual(ids);
  });
});

/** Opens the batch for an input of these ids, as a command does. */
async function openInput(admission: Awaited<ReturnType<typeof openAdmission>>, ids: string[]) {
  const { redis, prefix, account, batch } = admission;
  const { origin } = identity;
  const [categoryOf, priceOf] = [() => null, () => ({ guess: 1, least: 1 })];
  const counts = { rows: ids.length + 2, rejected: 1, duplicates: 1, leftOut: 0 };
  const context = {
    redis,
    prefix,
    account,
    origin,
    clock: Date,
    places: { home: '', s3Endpoint: null },
    categoryOf,
    priceOf,
  };
  const opened = await openBatch(context, {
    ...{
      batch,
      out: '',
      sources: [],
      command: null,
      minSize: undefined,
      priority: undefined,
      webhook: undefined,
      mode: 'go_on',
    },
    input: {
      ...{
        counts: { ...counts, briefs: ids.length },
        briefs: () => inOrder(ids),
        files: [],
        outputs: new Map(),
      },
    } as unknown as CompiledInput,
    caps: { batch: undefined, day: undefined },
    force: 'none',
    changes: 'refused',
  });
  await beginBatch(opened);
  return opened;
}

describe('a batch of which only a part is admitted', () => {
  it('S4: knows its whole input, and does not end before that is in', async () => {
    const admission = await openAdmission();
    const { ledger, queues, pace, leave, makeRoom } = admission;
    const opened = await openInput(admission, numbered(5));
    leave.abort();
    expect((await admitBatch(opened, queues, pace(2))).admitted).toBe('stopped');
    const part = { rows: 7, rejected: 1, duplicates: 1, admitted: 2, toCome: 3 };
    expect(await ledger.meta()).toMatchObject({ ...part, stage: 'admitting', pending: 2 });
    await makeRoom(2);
    expect(await ledger.meta()).toMatchObject({ stage: 'admitting', pending: 0, toCome: 3 });
    const again = await openInput(admission, numbered(5));
    expect(again.whole).toBe(5);
    expect((await admitBatch(again, queues, atOnce(pace(1).stopping))).admitted).toBe('all');
    expect(await ledger.meta()).toMatchObject({ stage: 'running', admitted: 5, toCome: 0 });
  });

  it('S4: is not complete by a smaller input while another command admits a larger one', async () => {
    const admission = await openAdmission();
    const { ledger, queues, pace } = admission;
    const small = await openInput(admission, numbered(2));
    const large = await openInput(admission, numbered(5));
    expect((await admitBatch(small, queues, pace(9))).admitted).toBe('all');
    expect(await ledger.meta()).toMatchObject({ stage: 'admitting', admitted: 2, toCome: 3 });
    expect((await admitBatch(large, queues, pace(9))).admitted).toBe('all');
    expect(await ledger.meta()).toMatchObject({ stage: 'running', admitted: 5, toCome: 0 });
  });

  it('S4: gets back what Redis lost of it while it was away', async () => {
    const admission = await openAdmission();
    const { ledger, queues, pace, jobs, redis, other, makeRoom } = admission;
    const opened = await openInput(admission, numbered(4));
    const admitting = admitBatch(opened, queues, pace(3));
    await until(async () => (await jobs()).length === 3);
    await queues.obliterate();
    await other.hdel(ledger.keys.state, 'b1');
    await other.hdel(ledger.keys.content, 'b1');
    await other.hset(ledger.keys.meta, 'admitted', 2);
    await other.client('KILL', 'ID', String(await redis.client('ID')));
    await until(async () => (await jobs()).length === 3);
    expect((await jobs()).sort()).toEqual(['b0', 'b1', 'b2']);
    await makeRoom(1);
    expect((await admitting).admitted).toBe('all');
    expect(await ledger.meta()).toMatchObject({ stage: 'running', admitted: 4 });
  });
});
