import { describe, expect, it, onTestFinished } from 'vitest';
import { moves } from '../../src/ledger/moves.js';
import { StageQueues } from '../../src/shared/queues.js';
import { identity, type OpenLedger, openLedger } from '../support/ledger.js';
import { hearNews } from '../support/news.js';
import { accepted, ready } from './brief-states.js';

const ofBatch = 'batch spring';
const ofAccount = `account ${identity.account}`;

async function openHeard() {
  const opened = await openLedger();
  const { redis, prefix, account, ledger } = opened;
  await account.heartbeat('told', { rate: 1_000, inFlight: null });
  const told = await hearNews(redis, prefix);
  const queues = new StageQueues(redis, prefix, ledger.batch);
  onTestFinished(() => queues.close());
  /** A brief with leave to be sent. */
  const sent = async (id: string, asked: Parameters<OpenLedger['begin']>[1] = {}) => {
    const permit = await opened.begin(id, asked);
    if (permit.kind !== 'go') throw new Error(`no leave: ${JSON.stringify(permit)}`);
    return permit.brief;
  };
  const finish = (
    id: string,
    from: Parameters<typeof ledger.briefs.finish>[1]['from'],
    charged: number | null,
  ) =>
    ledger.briefs.finish(id, {
      ...{ from, charged, line: '{}', checks: 0, downloads: 0, nowMs: 0 },
      status: charged === null ? 'unknown' : 'succeeded',
    });
  return { ...opened, told, queues, sent, finish };
}

describe('a place in flight that is given back', () => {
  it('is told where somebody waits for one', async () => {
    const { admit, begin, sent, ledger, told } = await openHeard();
    await admit('a', 'b');
    const brief = await sent('a', { cap: 1 });
    expect(await begin('b', { cap: 1 })).toMatchObject({ kind: 'wait', reason: 'in_flight' });
    expect(await told()).toEqual([]);
    const to = moves.unsent({ state: brief.state, earlier: 'none' });
    expect(await ledger.briefs.move('a', { from: brief, to })).toMatchObject({ kind: 'moved' });
    expect(await told()).toContain(ofAccount);
  });

  it.each(['succeeded', 'lined'] as const)('is told by a task that is over (%s)', async (how) => {
    const { admit, begin, sent, place, ledger, finish, told } = await openHeard();
    await admit('a', 'b');
    await sent('a', { cap: 1 });
    const brief = await place('a', accepted('task_1'));
    await begin('b', { cap: 1 });
    await told();
    if (how === 'lined') await finish('a', brief, 0);
    else await ledger.briefs.move('a', { from: brief, to: ready('task_1') });
    expect(await told()).toContain(ofAccount);
  });

  it('S2: is not told where nobody waits', async () => {
    const { admit, sent, place, ledger, told, redis, account } = await openHeard();
    await admit('a');
    await sent('a');
    await redis.hset(account.keys.prices, 'kind of a', 1);
    const brief = await place('a', accepted('task_1'));
    await ledger.briefs.move('a', { from: brief, to: ready('task_1') });
    expect(await told()).toEqual([]);
  });
});

describe('a price', () => {
  const kind = { priceKind: 'fox' };

  it('is told once the first of its kind is taken, with what the API says of it', async () => {
    const { admit, begin, sent, ledger, told } = await openHeard();
    await admit('a', 'b');
    const brief = await sent('a', kind);
    expect(await begin('b', kind)).toMatchObject({ kind: 'wait', reason: 'first_price' });
    const to = accepted('task_1', { reserved: 4 });
    await ledger.briefs.move('a', { from: brief, to });
    expect(await told()).toEqual([ofAccount]);
    expect(await begin('b', kind)).toMatchObject({ kind: 'go', reserved: { credits: 4 } });
  });

  it('is told once by its line where it is known only then, and not again', async () => {
    const { admit, sent, place, finish, told } = await openHeard();
    await admit('a', 'b');
    await sent('a', kind);
    await finish('a', await place('a', accepted('task_1')), 3);
    expect(await told()).toEqual([ofAccount]);
    await sent('b', kind);
    await finish('b', await place('b', accepted('task_2')), 3);
    expect(await told()).toEqual([]);
  });

  it('is told to be found out by another one where the first was given back', async () => {
    const { admit, begin, sent, ledger, told } = await openHeard();
    await admit('a', 'b');
    const brief = await sent('a', kind);
    await begin('b', kind);
    const to = moves.unsent({ state: brief.state, earlier: 'none' });
    await ledger.briefs.move('a', { from: brief, to });
    expect(await told()).toEqual([ofAccount]);
    expect(await begin('b', kind)).toMatchObject({ kind: 'go' });
  });
});

describe('credits', () => {
  it('that are back are told, and a key that works', async () => {
    const { account, told } = await openHeard();
    await account.park('submission');
    await told();
    await account.unpark();
    expect(await told()).toEqual([ofAccount]);
    await account.halt('api_key_revoked', 'no');
    await told();
    await account.unhalt();
    expect(await told()).toEqual([ofAccount]);
    await account.noteDown(null);
    await told();
    await account.noteUp();
    expect(await told()).toEqual([ofAccount]);
  });

  it('that a capped batch may spend again are told to it: a cap that was raised', async () => {
    const { admit, begin, ledger, told } = await openHeard();
    await admit('a');
    await ledger.setCaps({ batch: 0, day: undefined });
    expect(await begin('a')).toMatchObject({ kind: 'wait', reason: 'cap' });
    await told();
    await ledger.setCaps({ batch: 10, day: undefined });
    expect(await told()).toEqual([ofBatch]);
    expect(await begin('a')).toMatchObject({ kind: 'go' });
  });

  it('or a task that cost less than was kept for it', async () => {
    const { admit, begin, sent, place, finish, ledger, told } = await openHeard();
    await admit('a', 'b');
    await ledger.setCaps({ batch: 5, day: undefined });
    await sent('a', { guess: 5 });
    const brief = await place('a', accepted('task_1', { reserved: 5 }));
    expect(await begin('b', { least: 2 })).toMatchObject({ kind: 'wait', reason: 'cap' });
    await told();
    await finish('a', brief, 1);
    expect(await told()).toContain(ofBatch);
    expect(await begin('b', { least: 2 })).toMatchObject({ kind: 'go' });
  });
});

describe('a batch', () => {
  it('tells that it has jobs, one or many', async () => {
    const { queues, told } = await openHeard();
    await queues.add('submit', [{ brief: 'a', attempt: 1, delayMs: 0 }]);
    expect(await told()).toEqual([ofBatch]);
    const briefs = ['b', 'c'].map((brief) => ({ brief, attempt: 1, delayMs: 0 }));
    await queues.add('submit', briefs);
    expect(await told()).toEqual([ofBatch]);
  });

  it('S2: tells those alone who take jobs of it, where that is its own process', async () => {
    const { redis, prefix, told } = await openHeard();
    const dues: [string, readonly number[]][] = [];
    const queues = new StageQueues(redis, prefix, 'spring', (stage, duesMs) => {
      dues.push([stage, duesMs]);
    });
    onTestFinished(() => queues.close());
    const before = Date.now();
    await queues.add('status', [{ brief: 'a', attempt: 1, delayMs: 5_000 }]);
    expect(await told()).toEqual([]);
    expect(dues).toMatchObject([['status', [expect.any(Number)]]]);
    expect(dues[0]?.[1][0]).toBeGreaterThanOrEqual(before + 5_000);
  });

  it('tells that it was paused, and goes on', async () => {
    const { queues, told } = await openHeard();
    await queues.pause();
    expect(await told()).toEqual([ofBatch]);
    await queues.resume();
    expect(await told()).toEqual([ofBatch]);
  });

  it('tells that all of it is admitted', async () => {
    const { ledger, admit, told } = await openHeard();
    await admit('a');
    await told();
    await ledger.markAdmission('complete');
    expect(await told()).toEqual([ofBatch]);
  });
});
