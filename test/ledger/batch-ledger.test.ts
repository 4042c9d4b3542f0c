import { describe, expect, it } from 'vitest';
import { BatchLedger } from '../../src/ledger/batch-ledger.js';
import type { FinishedBrief } from '../../src/ledger/brief-ledger.js';
import type { ReadState, StateOf } from '../../src/ledger/brief-state.js';
import { batchesKey } from '../../src/ledger/keys.js';
import { admittedContent } from '../../src/shared/brief.js';
import { StageQueues } from '../../src/shared/queues.js';
import {
  identity,
  type OpenLedger,
  openLedger,
  pauseBatch,
  preparedBrief,
} from '../support/ledger.js';
import { accepted, ready, submitting } from './brief-states.js';

async function paced(options: Parameters<typeof openLedger>[0] = {}): Promise<OpenLedger> {
  const opened = await openLedger(options);
  await opened.account.heartbeat('test', { rate: 1_000, inFlight: null });
  return opened;
}

/** Another batch of the same account. */
async function sibling({ prefix, account, redis }: OpenLedger, batch: string) {
  const opened = await openLedger({ batch, prefix });
  expect(opened.account.account).toBe(account.account);
  expect(redis).not.toBe(opened.redis);
  return opened;
}

async function goFor(opened: OpenLedger, id: string, attempt = 1) {
  const permit = await opened.begin(id, { attempt });
  if (permit.kind !== 'go') throw new Error(`no leave to send: ${JSON.stringify(permit)}`);
  return permit;
}

const end = (from: ReadState, patch: Partial<FinishedBrief> = {}): FinishedBrief => ({
  from,
  line: `{"line":${from.state.seq}}`,
  status: 'succeeded',
  charged: 1,
  checks: 2,
  downloads: 1,
  nowMs: identity.createdAt,
  ...patch,
});

describe('open', () => {
  it('creates a batch once, and keeps what it was created as', async () => {
    const { ledger, redis, prefix } = await paced();
    expect(await ledger.open({ ...identity, origin: 'https://other.test', nonce: 'n' })).toBe(
      'found',
    );
    expect(await ledger.meta()).toMatchObject({ ...identity, name: 'spring', stage: 'admitting' });
    expect(await redis.smembers(batchesKey(prefix))).toEqual(['spring']);
  });

  it('knows no batch that was never opened', async () => {
    const { redis, prefix, account } = await paced();
    expect(await new BatchLedger(redis, prefix, 'autumn', account).meta()).toBeNull();
  });
});

describe('a paused batch', () => {
  it('is one whose queue of submissions is paused, by whomever, until that is resumed', async () => {
    const { ledger, redis, prefix } = await paced();
    await pauseBatch(redis, prefix, 'spring');
    expect(await ledger.meta()).toMatchObject({ stage: 'admitting', paused: true });
    const queues = new StageQueues(redis, prefix, 'spring');
    expect(await queues.resume()).toBe('paused');
    expect(await queues.resume()).toBe('going');
    await queues.close();
    expect(await ledger.meta()).toMatchObject({ stage: 'admitting', paused: false });
  });

  it('that is forgotten leaves no pause to a later one of its name', async () => {
    const { ledger, redis, prefix } = await paced();
    await pauseBatch(redis, prefix, 'spring');
    await ledger.forget();
    await ledger.open(identity);
    expect(await ledger.meta()).toMatchObject({ paused: false });
  });
});

describe('admit', () => {
  it('S4: counts each brief once, in the order given, and keeps its bytes', async () => {
    const { admit, ledger, stateOf } = await paced();
    expect(await admit('b', 'a')).toEqual(['admitted', 'admitted']);
    expect(await stateOf('b')).toEqual({
      stage: 'admitted',
      attempt: 1,
      fingerprint: 'ab',
      seq: 1,
      admittedAt: identity.createdAt,
      sends: 0,
      refusalId: null,
    });
    expect(await stateOf('a')).toMatchObject({ seq: 2 });
    expect(await ledger.meta()).toMatchObject({ admitted: 2, pending: 2 });
    const kept = admittedContent('spring', preparedBrief('b'), 'given');
    expect(await ledger.briefs.readContent('b')).toBe(kept);
  });

  it('S1: leaves a brief that is there as it is, wherever it stands', async () => {
    const opened = await paced();
    const { admit, ledger, place, stateOf } = opened;
    await admit('a', 'b', 'c', 'd');
    await goFor(opened, 'b');
    await place('c', accepted('task_1', { seq: 3 }));
    await place('d', ready('task_2', { seq: 4 }));
    const before = await Promise.all(['a', 'b', 'c', 'd'].map(stateOf));
    expect(await admit('d', 'c', 'b', 'a', 'e')).toEqual([
      ...['ready', 'accepted', 'submitting', 'admitted'],
      'admitted',
    ]);
    expect(await Promise.all(['a', 'b', 'c', 'd'].map(stateOf))).toEqual(before);
    expect(await stateOf('e')).toMatchObject({ seq: 5 });
    expect(await ledger.meta()).toMatchObject({ admitted: 5 });
  });

  it('S1: never lets other content take the place of what was admitted under an id', async () => {
    const { admit, ledger } = await paced();
    await admit('a');
    const other = preparedBrief('a', { fingerprint: 'cd', body: '{"model":"other"}' });
    expect(await ledger.briefs.lookUp([other, preparedBrief('a'), preparedBrief('new')])).toEqual([
      'clash',
      'admitted',
      null,
    ]);
    expect(await ledger.briefs.admit([other], 0)).toMatchObject({ answers: ['clash'] });
    expect(await ledger.briefs.readContent('a')).toContain('z-image');
    expect(await ledger.meta()).toMatchObject({ admitted: 1 });
  });

  it('S4: counts an id once that comes twice in one call', async () => {
    const { ledger, stateOf } = await paced();
    const clash = preparedBrief('a', { fingerprint: 'cd', body: '{"model":"other"}' });
    const twice = [preparedBrief('a'), preparedBrief('a'), clash];
    const { answers } = await ledger.briefs.admit(twice, 0);
    expect(answers).toEqual(['admitted', 'admitted', 'clash']);
    expect(await ledger.meta()).toMatchObject({ admitted: 1, pending: 1 });
    expect(await ledger.briefs.readContent('a')).toContain('z-image');
    expect(await stateOf('a')).toMatchObject({ seq: 1 });
  });

  it('S4: two producers at once admit each brief once', async () => {
    const one = await paced();
    const other = await openLedger({ prefix: one.prefix });
    const ids = Array.from({ length: 1_000 }, (_, index) => `sku-${index}`);
    await Promise.all([one.admit(...ids), other.admit(...ids.toReversed())]);
    expect(await one.ledger.meta()).toMatchObject({ admitted: 1_000 });
    const states = await one.redis.hvals(one.ledger.keys.state);
    const seqs = states.map((text) => Number(/"seq":(\d+)/.exec(text)?.[1]));
    expect(new Set(seqs).size).toBe(1_000);
    expect(Math.max(...seqs)).toBe(1_000);
  });

  it('takes ids of any characters', async () => {
    const { admit, stateOf } = await paced();
    const ids = ['1', 'a b', 'größe/1', '🦊', '{"a":1}', 'a|b|c', '__proto__'];
    await admit(...ids);
    for (const [index, id] of ids.entries())
      expect(await stateOf(id)).toMatchObject({ seq: index + 1 });
  });
});

describe('beginSubmit', () => {
  it('S1: saves that a send is about to happen, and takes a place in flight, before it does', async () => {
    const opened = await paced();
    await opened.admit('a');
    const before = await opened.nowMs();
    const permit = await goFor(opened, 'a');
    expect(permit).toMatchObject({ kind: 'go', waitMs: 0, probe: 'none' });
    const state = await opened.stateOf('a');
    expect(state).toEqual(permit.brief.state);
    expect(state).toMatchObject({ stage: 'submitting', sends: 1 });
    expect(permit.brief.state.firstSentAt).toBeGreaterThanOrEqual(before);
    expect(permit.brief.state.firstSentAt).toBe(permit.nowMs + permit.waitMs);
    expect(await opened.inFlight()).toEqual(['spring\na']);
    expect(await opened.ledger.meta()).toMatchObject({ requests: { submits: 1 } });
  });

  it("S1: a second leave for the same brief keeps the key's clock and takes no second place", async () => {
    const opened = await paced();
    await opened.admit('a');
    const first = await goFor(opened, 'a');
    const second = await goFor(opened, 'a');
    expect(second.brief.state).toEqual({ ...first.brief.state, sends: 2 });
    expect(await opened.inFlight()).toHaveLength(1);
    expect((await opened.ledger.meta())?.reserved).toBe(1);
  });

  it('S1: lets one of several that ask at once hold a state that still stands', async () => {
    const opened = await paced();
    await opened.admit('a');
    const permits = await Promise.all([1, 2, 3, 4].map(() => goFor(opened, 'a')));
    const to = accepted('task_1', { seq: 1 });
    const moves = await Promise.all(
      permits.map(({ brief }) => opened.ledger.briefs.move('a', { from: brief, to })),
    );
    expect(moves.filter(({ kind }) => kind === 'moved')).toHaveLength(1);
  });

  it('S1: lets pass a brief that is elsewhere, unknown, or at another attempt', async () => {
    const { admit, begin, place, inFlight, ledger } = await paced();
    await admit('a', 'b', 'c');
    await place('a', accepted('task_1'));
    await place('b', { ...submitting(0, { attempt: 2 }) });
    await place('c', { stage: 'lined', attempt: 1, fingerprint: 'ab', seq: 3, status: 'failed' });
    expect(await begin('a')).toMatchObject({ kind: 'passed', state: { stage: 'accepted' } });
    expect(await begin('b')).toMatchObject({ kind: 'passed', state: { attempt: 2 } });
    expect(await begin('c')).toMatchObject({ kind: 'passed', state: { stage: 'lined' } });
    expect(await begin('nobody')).toEqual({ kind: 'passed', state: null });
    expect(await inFlight()).toEqual([]);
    expect(await ledger.meta()).toMatchObject({ reserved: 0, requests: { submits: 0 } });
  });

  it('S1: survives whatever the API called its last refusal', async () => {
    const opened = await paced();
    await opened.admit('a');
    const refusalId = 'req|1|ab|{"ü":"\\u0000"}/🦊';
    await opened.place('a', { ...submitting(5), refusalId });
    expect((await goFor(opened, 'a')).brief.state).toMatchObject({ refusalId, firstSentAt: 5 });
  });
});

describe('a life that is over', () => {
  it('S1: is not given leave to send what was queued again under its name', async () => {
    const opened = await paced();
    await opened.admit('a');
    await opened.redis.hset(opened.ledger.keys.meta, 'createdAt', identity.createdAt + 1);
    expect(await opened.begin('a')).toMatchObject({ kind: 'wait', reason: 'other_life' });
    expect(await opened.stateOf('a')).toMatchObject({ stage: 'admitted' });
  });

  it('S1: is dropped only while nothing of it was sent', async () => {
    const opened = await paced();
    const { ledger, redis, prefix } = opened;
    await opened.admit('a', 'b');
    expect(await ledger.dropUnsent()).toBe('was_sent');
    await ledger.markAdmission('complete');
    await goFor(opened, 'a');
    expect(await ledger.dropUnsent()).toBe('was_sent');
    expect(await ledger.meta()).toMatchObject({ admitted: 2 });
    const unsent = await sibling(opened, 'unsent');
    await unsent.admit('a');
    await unsent.ledger.markAdmission('complete');
    // An address that was never sent must not go out with what the next life has under the same attempt (S1).
    await unsent.ledger.references.restoreAddresses('a', { attempt: 1, items: [] });
    expect(await unsent.ledger.dropUnsent()).toBe('dropped');
    expect(await redis.keys(`${prefix}:batch:unsent:*`)).toEqual([]);
    expect(await redis.smembers(batchesKey(prefix))).toEqual([opened.batch]);
  });

  it('S1: one that was opened goes where nothing was put into it, and not once somebody has begun it', async () => {
    const { ledger, redis, prefix, admit } = await openLedger();
    expect(await ledger.dropUnused()).toBe('dropped');
    expect(await redis.keys(`${prefix}:*`)).toEqual([]);
    await ledger.open(identity);
    await ledger.openAdmission([], 'new', 'only_changed');
    expect(await ledger.dropUnused()).toBe('in_use');
    await admit('a');
    expect(await ledger.dropUnused()).toBe('in_use');
    expect(await ledger.meta()).toMatchObject({ admitted: 1 });
  });
});

describe('a wait', () => {
  /** Everything that a permit takes. */
  const taken = async ({ redis, account, ledger, stateOf }: OpenLedger, id: string) => ({
    state: await stateOf(id),
    inFlight: await redis.zrange(account.keys.inFlight, '0', '-1'),
    tat: await redis.hget(account.keys.pace, 'tat'),
    reserved: (await ledger.meta())?.reserved,
    submits: (await ledger.meta())?.requests.submits,
    probeAt: await redis.hget(account.keys.gate, 'probe_at'),
  });

  const waits: [string, object, (opened: OpenLedger) => Promise<unknown>][] = [
    [
      'for a place in flight',
      { kind: 'wait', waitMs: 10_000, reason: 'in_flight' },
      async (opened) => {
        await opened.account.heartbeat('strict', { rate: null, inFlight: 1 });
        await opened.admit('b');
        await goFor(opened, 'b');
      },
    ],
    [
      'for its turn',
      { kind: 'wait', reason: 'pace' },
      ({ account }) => account.noteRefused(90_000),
    ],
    [
      'for credits',
      { kind: 'wait', reason: 'credits' },
      ({ account }) => account.park('submission'),
    ],
    ['for the API', { kind: 'wait', reason: 'api_down' }, ({ account }) => account.noteDown(null)],
    [
      'for the cap',
      { kind: 'wait', reason: 'cap' },
      ({ ledger }) => ledger.setCaps({ batch: 0, day: undefined }),
    ],
    [
      'for the next day',
      { kind: 'wait', reason: 'day_cap' },
      ({ ledger }) => ledger.setCaps({ batch: undefined, day: 0 }),
    ],
    [
      'while paused',
      { kind: 'wait', reason: 'paused' },
      ({ redis, prefix }) => pauseBatch(redis, prefix, 'spring'),
    ],
    ['for a person', { kind: 'halted' }, ({ account }) => account.halt('api_key_revoked', 'no')],
    ['for nothing more', { kind: 'stopped' }, ({ ledger }) => ledger.set({ cancelled: 1 })],
  ];

  it.each(waits)('S2 S7: %s takes nothing', async (_what, answer, arrange) => {
    const opened = await paced();
    await opened.admit('a');
    await arrange(opened);
    const before = await taken(opened, 'a');
    for (const _ of [1, 2, 3]) expect(await opened.begin('a')).toMatchObject(answer);
    expect(await taken(opened, 'a')).toEqual(before);
  });

  it('S7: the cap of places holds over all batches, whoever asks, however many at once', async () => {
    const one = await paced();
    const other = await sibling(one, 'summer');
    const ids = Array.from({ length: 20 }, (_, index) => `b${index}`);
    await one.admit(...ids);
    await other.admit(...ids);
    const permits = await Promise.all(
      ids.flatMap((id) => [one.begin(id, { cap: 7 }), other.begin(id, { cap: 7 })]),
    );
    expect(permits.filter(({ kind }) => kind === 'go')).toHaveLength(7);
    expect(await one.inFlight()).toHaveLength(7);
  });

  it('S7: a brief that has its place goes on where all places are taken', async () => {
    const opened = await paced();
    await opened.admit('a', 'b');
    await goFor(opened, 'a');
    expect(await opened.begin('b', { cap: 1 })).toMatchObject({ reason: 'in_flight' });
    expect(await opened.begin('a', { cap: 1 })).toMatchObject({ kind: 'go' });
  });

  it('S7: a task that nobody looks at any more does not keep its place for ever', async () => {
    const opened = await paced();
    const left = await sibling(opened, 'left');
    await left.admit('x');
    await opened.admit('a', 'b');
    const kind = { cap: 1, priceKind: 'z-image' };
    await left.begin('x', kind);
    expect(await opened.begin('a', kind)).toMatchObject({ kind: 'wait', reason: 'in_flight' });
    const hourMs = 3_600_000;
    await opened.redis.zincrby(opened.account.keys.inFlight, -(hourMs + 1), 'left\nx');
    expect(await opened.begin('a', kind)).toMatchObject({ kind: 'go' });
    expect(await opened.begin('b', kind)).toMatchObject({ kind: 'wait', reason: 'in_flight' });
  });

  it('S1: a cancelled batch still finds out what became of a send that is open', async () => {
    const opened = await paced();
    await opened.admit('a');
    await goFor(opened, 'a');
    await opened.ledger.set({ cancelled: 1 });
    expect(await opened.begin('a')).toMatchObject({ kind: 'go' });
  });
});

describe('state that is missing', () => {
  const parts = ['meta', 'state', 'content'] as const;

  it.each(parts)(
    'S4: without its %s a batch is not whole, and nothing is taken for it',
    async (part) => {
      const opened = await paced();
      const { ledger, redis } = opened;
      await opened.admit('a', 'b');
      await goFor(opened, 'a');
      expect(await ledger.findMissing()).toBe('whole');
      await redis.del(ledger.keys[part]);
      expect(await ledger.findMissing()).toBe(part);
      if (part === 'content') return;
      expect(await opened.begin('b')).toEqual({ kind: 'passed', state: null });
      if (part !== 'meta') return;
      expect(await opened.admit('c')).toEqual(['missing']);
      await redis.rpush(ledger.keys.outbox, '{}');
      expect((await ledger.outbox.read(1)).lines).toEqual([]);
    },
  );

  it('S1: counts that are added to a batch that is gone do not make one', async () => {
    const { ledger, redis } = await openLedger();
    await redis.del(ledger.keys.meta);
    expect(await ledger.findMissing()).toBe('none');
    await ledger.set({ elsewhere: 1 });
    expect(await ledger.findMissing()).toBe('meta');
    expect(await ledger.open(identity)).toBe('created');
    expect(await ledger.meta()).toMatchObject({ folder: 'adopting', elsewhere: false });
  });
});

describe('a probe', () => {
  it('lets one probe try when credits may be back, and the others wait for it', async () => {
    const opened = await paced();
    await opened.admit('a', 'b');
    await opened.account.park('submission');
    await opened.redis.hset(opened.account.keys.gate, 'probe_at', 1);
    expect(await opened.begin('a')).toMatchObject({ kind: 'go', probe: 'credits' });
    const second = await opened.begin('b');
    expect(second).toMatchObject({ kind: 'wait', reason: 'credits' });
    expect(second.kind === 'wait' && second.waitMs).toBeGreaterThan(20_000);
  });

  it('says that the first to be sent after a time without the API is a probe', async () => {
    const opened = await paced();
    await opened.admit('a');
    await opened.account.noteDown(null);
    await opened.redis.hset(opened.account.keys.gate, 'down_until', 1);
    expect(await opened.begin('a')).toMatchObject({ kind: 'go', probe: 'recovery' });
  });
});

describe('credits (S6)', () => {
  const kind = { priceKind: 'z-image', least: 1 };

  it('S6: spent and reserved never exceed the cap, however many ask at once', async () => {
    const opened = await paced();
    const ids = Array.from({ length: 30 }, (_, index) => `b${index}`);
    await opened.admit(...ids);
    await opened.redis.hset(opened.account.keys.prices, 'z-image', 3);
    await opened.ledger.setCaps({ batch: 10, day: undefined });
    const permits = await Promise.all(ids.map((id) => opened.begin(id, { ...kind, cap: 100 })));
    expect(permits.filter(({ kind: answer }) => answer === 'go')).toHaveLength(3);
    expect(await opened.ledger.meta()).toMatchObject({ reserved: 9, spent: 0, capped: 'cap' });
  });

  it('S6: the first of a kind goes alone, and its price is what the others reserve', async () => {
    const opened = await paced();
    await opened.admit('a', 'b');
    const first = await opened.begin('a', { ...kind, guess: 10 });
    if (first.kind !== 'go') throw new Error('the first may go');
    expect(await opened.ledger.meta()).toMatchObject({ reserved: 10 });
    expect(await opened.begin('b', kind)).toMatchObject({ kind: 'wait', reason: 'first_price' });
    const { sends: _sends, ...rest } = accepted('task_1', { seq: 1, reserved: 4 });
    await opened.ledger.briefs.move('a', { from: first.brief, to: { ...rest, sends: 1 } });
    expect(await opened.ledger.meta()).toMatchObject({ reserved: 4 });
    expect(await opened.begin('b', { ...kind, guess: 10 })).toMatchObject({ kind: 'go' });
    expect(await opened.ledger.meta()).toMatchObject({ reserved: 8 });
  });

  it('S6: another goes first where the first one was given back', async () => {
    const opened = await paced();
    await opened.admit('a', 'b');
    const first = await opened.begin('a', kind);
    if (first.kind !== 'go') throw new Error('the first may go');
    const { firstSentAt: _sent, ...rest } = first.brief.state;
    const to = { ...rest, stage: 'admitted' as const };
    await opened.ledger.briefs.move('a', { from: first.brief, to });
    expect(await opened.ledger.meta()).toMatchObject({ reserved: 0 });
    expect(await opened.begin('b', kind)).toMatchObject({ kind: 'go' });
  });

  it('S6: settles with what was charged, and frees the rest', async () => {
    const opened = await paced();
    await opened.admit('a');
    const go = await opened.begin('a', { ...kind, guess: 10 });
    if (go.kind !== 'go') throw new Error('the only one may go');
    await opened.ledger.briefs.finish('a', end(go.brief, { charged: 2.5 }));
    expect(await opened.ledger.meta()).toMatchObject({ reserved: 0, spent: 2.5 });
    expect(await opened.redis.hget(opened.account.keys.prices, 'z-image')).toBe('2.5');
  });

  it('S6: what nobody knows to be over stays reserved', async () => {
    const opened = await paced();
    await opened.admit('a');
    const go = await opened.begin('a', { ...kind, guess: 10 });
    if (go.kind !== 'go') throw new Error('the only one may go');
    await opened.ledger.briefs.finish('a', end(go.brief, { status: 'unknown', charged: 0 }));
    expect(await opened.ledger.meta()).toMatchObject({ reserved: 10, spent: 0 });
  });

  it("S6: a day's cap counts all batches of the account", async () => {
    const one = await paced();
    const other = await sibling(one, 'summer');
    await one.admit('a');
    await other.admit('a');
    await one.begin('a', { ...kind, guess: 5 });
    await other.ledger.setCaps({ batch: undefined, day: 5 });
    expect(await other.begin('a', { ...kind, priceKind: 'other', least: 1 })).toMatchObject({
      kind: 'wait',
      reason: 'day_cap',
    });
    await other.ledger.setCaps({ batch: undefined, day: 'none' });
    expect(await other.begin('a', { ...kind, priceKind: 'other' })).toMatchObject({ kind: 'go' });
  });
});

describe('move', () => {
  async function sent() {
    const opened = await paced();
    await opened.admit('a');
    const { brief } = await goFor(opened, 'a');
    const { firstSentAt: _sent, ...rest } = brief.state;
    const back: StateOf<'admitted'> = { ...rest, stage: 'admitted' };
    return { ...opened, from: brief, back };
  }

  it('S1: changes nothing from a state that no longer stands, not even the place in flight', async () => {
    const { ledger, begin, from, back, stateOf, inFlight } = await sent();
    await begin('a');
    const before = await stateOf('a');
    const moved = await ledger.briefs.move('a', { from, to: back });
    expect(moved).toEqual({ kind: 'passed', state: before });
    expect(await stateOf('a')).toEqual(before);
    expect(await inFlight()).toHaveLength(1);
    expect((await ledger.meta())?.reserved).toBe(1);
  });

  it('S7: keeps or frees the place in flight in the same step, once', async () => {
    const { ledger, from, back, begin, inFlight, place } = await sent();
    const kept = await ledger.briefs.move('a', {
      from,
      to: accepted('task_1', { seq: 1 }),
    });
    expect(await inFlight()).toHaveLength(1);
    if (kept.kind !== 'moved') throw new Error('nobody else was there');
    expect(await ledger.briefs.move('a', { from: kept.brief, to: back })).toMatchObject({
      kind: 'moved',
    });
    expect(await inFlight()).toEqual([]);
    // Its next send takes a place anew; a stale release must not free that one.
    expect(await begin('a')).toMatchObject({ kind: 'go' });
    await ledger.briefs.move('a', { from: kept.brief, to: back });
    expect(await inFlight()).toHaveLength(1);
    const unknown = await place('b', accepted('task_2', { seq: 2 }));
    expect(await ledger.briefs.move('c', { from: unknown, to: back })).toEqual({
      kind: 'passed',
      state: null,
    });
  });
});

describe('finish', () => {
  it('S4: gives a brief one line, whoever finishes it, however often', async () => {
    const opened = await paced();
    const { ledger, redis, admit, place, inFlight } = opened;
    await admit('a', 'b');
    await goFor(opened, 'a');
    const from = await place('a', accepted('task_1'));
    const finishes = await Promise.all([1, 2, 3].map(() => ledger.briefs.finish('a', end(from))));
    expect(finishes.filter(({ kind }) => kind === 'finished')).toHaveLength(1);
    expect(finishes.filter(({ kind }) => kind === 'passed')).toHaveLength(2);
    expect(await redis.lrange(ledger.keys.outbox, 0, -1)).toEqual(['{"line":1}']);
    expect(await inFlight()).toEqual([]);
    expect(await ledger.meta()).toMatchObject({
      pending: 1,
      spent: 1,
      lines: { succeeded: 1, failed: 0, unknown: 0, cancelled: 0 },
      requests: { statusChecks: 2, downloads: 1 },
    });
  });

  it('S4: writes no line from a state that no longer stands', async () => {
    const opened = await paced();
    await opened.admit('a');
    const { brief } = await goFor(opened, 'a');
    await goFor(opened, 'a');
    expect(await opened.ledger.briefs.finish('a', end(brief))).toMatchObject({ kind: 'passed' });
    expect(await opened.ledger.outbox.length()).toBe(0);
    expect(await opened.inFlight()).toHaveLength(1);
  });

  it('keeps the content of a brief that may be retried, and drops that of one that succeeded', async () => {
    const { ledger, admit } = await paced();
    await admit('a', 'b');
    for (const [id, status] of [
      ['a', 'failed'],
      ['b', 'succeeded'],
    ] as const) {
      const from = await ledger.briefs.read(id);
      if (from) await ledger.briefs.finish(id, end(from, { status, charged: 0.5 }));
    }
    expect(await ledger.briefs.readContent('a')).not.toBeNull();
    expect(await ledger.briefs.readContent('b')).toBeNull();
    expect(await ledger.meta()).toMatchObject({ spent: 1 });
  });
});

describe('the outbox', () => {
  async function lined(count: number) {
    const opened = await paced();
    await opened.redis.rpush(
      opened.ledger.keys.outbox,
      ...Array.from({ length: count }, (_, index) => `line ${index}`),
    );
    return opened;
  }

  it('S5: gives the same lines and the same place until they are marked as written', async () => {
    const { ledger } = await lined(3);
    const page = await ledger.outbox.read(2);
    expect(page).toEqual({
      kind: 'lines',
      generation: '0',
      offset: 0,
      lines: ['line 0', 'line 1'],
    });
    expect(await ledger.outbox.read(2)).toEqual(page);
    expect(await ledger.outbox.markWritten(page, 14)).toBe('marked');
    expect(await ledger.outbox.read(2)).toMatchObject({
      generation: '0',
      offset: 14,
      lines: ['line 2'],
    });
  });

  it('S4: a second mark of the same page takes no line away', async () => {
    const { ledger } = await lined(4);
    const page = await ledger.outbox.read(2);
    await ledger.outbox.markWritten(page, 14);
    expect(await ledger.outbox.markWritten(page, 14)).toBe('was_marked');
    expect(await ledger.outbox.length()).toBe(2);
    expect(await ledger.outbox.read(9)).toMatchObject({ offset: 14, lines: ['line 2', 'line 3'] });
  });

  it('S4: a page of a manifest that was replaced meanwhile is not marked', async () => {
    const { ledger } = await lined(2);
    const page = await ledger.outbox.read(2);
    await ledger.set({ generation: 1 });
    expect(await ledger.outbox.generation()).toBe('1');
    expect(await ledger.outbox.markWritten(page, 14)).toBe('was_marked');
    expect(await ledger.outbox.length()).toBe(2);
  });
});

describe('claimName', () => {
  it('S5: gives the plain name to one of the ids that come out alike, and keeps to it', async () => {
    const { admit, ledger } = await paced();
    await admit('Foo', 'FOO', 'fOO');
    expect(await ledger.briefs.claimName('FOO', 'foo')).toBe('plain');
    expect(await ledger.briefs.claimName('Foo', 'foo')).toBe('needs_suffix');
    expect(await ledger.briefs.claimName('FOO', 'foo')).toBe('plain');
    expect(await ledger.briefs.claimName('fOO', 'foo')).toBe('needs_suffix');
  });

  it('S5: an id that is its own canonical form has the name, asked before or after', async () => {
    const { admit, ledger, redis } = await paced();
    await admit('foo', 'Foo');
    expect(await ledger.briefs.claimName('Foo', 'foo')).toBe('needs_suffix');
    expect(await ledger.briefs.claimName('foo', 'foo')).toBe('plain');
    expect(await redis.exists(ledger.keys.names)).toBe(0);
  });

  it('S5: one that is admitted later does not take a name that was given away', async () => {
    const { admit, ledger } = await paced();
    await admit('Foo');
    expect(await ledger.briefs.claimName('Foo', 'foo')).toBe('plain');
    await admit('foo');
    expect(await ledger.briefs.claimName('foo', 'foo')).toBe('needs_suffix');
    expect(await ledger.briefs.claimName('Foo', 'foo')).toBe('plain');
  });
});

describe('keepPlace', () => {
  it('S5: all machines write the results of a batch into the folder that was offered first', async () => {
    const one = await paced();
    const other = await openLedger({ prefix: one.prefix });
    const places = await Promise.all([one.ledger.keepPlace('/a'), other.ledger.keepPlace('/b')]);
    expect(new Set(places).size).toBe(1);
    expect((await one.ledger.meta())?.out).toBe(places[0]);
    expect(await other.ledger.keepPlace('/c')).toBe(places[0]);
  });
});

describe('repairInFlight', () => {
  it('S7: frees exactly the places whose brief is neither being submitted nor accepted', async () => {
    const opened = await paced();
    const { ledger, account, redis, admit, place, inFlight } = opened;
    await admit('a', 'b', 'c', 'd', 'e', 'x\ny');
    for (const id of ['a', 'b', 'c', 'd', 'e', 'gone', 'x\ny']) {
      await redis.zadd(account.keys.inFlight, 1, `spring\n${id}`);
    }
    await redis.zadd(account.keys.inFlight, 1, 'spring2\na', 1, 'other\na');
    await place('b', submitting(0, { seq: 2 }));
    await place('c', accepted('task_1', { seq: 3 }));
    await place('d', ready('task_2', { seq: 4 }));
    await place('e', { stage: 'lined', attempt: 1, fingerprint: 'ab', seq: 5, status: 'failed' });
    await place('x\ny', accepted('task_3', { seq: 6 }));
    expect(await ledger.repairInFlight()).toBe(4);
    expect((await inFlight()).sort()).toEqual([
      'other\na',
      'spring\nb',
      'spring\nc',
      'spring\nx\ny',
      'spring2\na',
    ]);
    expect(await ledger.repairInFlight()).toBe(0);
  });
});

describe('forget', () => {
  it('S7: leaves nothing of the batch, and its places in flight free', async () => {
    const opened = await paced();
    const { ledger, redis, prefix, admit, inFlight } = opened;
    await admit('a');
    await goFor(opened, 'a');
    await ledger.briefs.claimName('A', 'a');
    await ledger.forget();
    expect(await ledger.meta()).toBeNull();
    expect(await inFlight()).toEqual([]);
    expect(await redis.keys(`${prefix}:batch:spring*`)).toEqual([]);
    expect(await redis.smembers(batchesKey(prefix))).toEqual([]);
    // A worker that was frozen wakes up.
    expect(await opened.begin('a')).toEqual({ kind: 'passed', state: null });
  });
});
