import { describe, expect, it } from 'vitest';
import { announce, announcementOfEnd, announceStandstill } from '../../src/batch/announce.js';
import type { BatchMeta } from '../../src/ledger/batch-meta.js';
import { messageKinds, type Webhook } from '../../src/ledger/message-ledger.js';
import { simulatedOrigin } from '../../src/shared/simulated.js';
import { openLedger } from '../support/ledger.js';
import { hearNews } from '../support/news.js';

const secretUrl = 'https://hooks.test/services/T0/very-secret?token=1';
const webhook: Webhook = {
  url: secretUrl,
  on: [...messageKinds],
  network: 'public',
  trust: 'unsigned',
};
const nowMs = Date.parse('2026-11-29T12:00:00Z');

async function openMessages(change: Partial<Webhook> = {}) {
  const opened = await openLedger();
  const { messages } = opened.account;
  await messages.listen('batch spring', { ...webhook, ...change });
  const meta = async () => (await opened.ledger.meta()) as BatchMeta;
  return {
    ...opened,
    messages,
    meta,
    finalize: async () => {
      const now = await meta();
      await opened.ledger.markFinalized(now, announcementOfEnd(now, nowMs));
    },
    approval: async (occasion: string) =>
      announce(
        opened.ledger,
        await meta(),
        { kind: 'approval', text: '3 wait', reason: null, occasion },
        nowMs,
      ),
  };
}

describe('a message', () => {
  it('is kept in one step with the note of what has come about, and told to whoever tells messages', async () => {
    const { redis, prefix, account, messages, finalize } = await openMessages();
    const told = await hearNews(redis, prefix);
    await finalize();
    expect(await told()).toContain(`messages ${account.account}`);
    const [message] = await messages.all();
    expect(message).toMatchObject({
      kind: 'finished',
      batch: 'spring',
      fate: { kind: 'due', tries: 0 },
    });
    expect(JSON.parse(message?.body ?? '')).toEqual({
      id: message?.id,
      type: 'batch.finished',
      at: '2026-11-29T12:00:00.000Z',
      text: 'Batch spring has finished: 0 of 0 briefs succeeded; 0 credits spent.',
      batch: 'spring',
      out: '',
      counts: expect.objectContaining({ admitted: 0, succeeded: 0, failed: 0, pending: 0 }),
      credits: { spent: 0, reserved: 0 },
      reason: null,
    });
  });

  it('is not made a second time by whoever finds the same, also once it was told', async () => {
    const { messages, finalize, approval } = await openMessages();
    await Promise.all([finalize(), finalize()]);
    expect(await messages.all()).toHaveLength(1);
    const taken = await messages.take(nowMs, 30_000);
    if (taken.kind !== 'taken') throw new Error('none was due');
    await messages.noteTry(taken.message, { kind: 'told', tries: 1, atMs: nowMs }, nowMs);
    await finalize();
    expect((await messages.all()).map(({ fate }) => fate.kind)).toEqual(['told']);
    expect([await approval('a b c'), await approval('a b c'), await approval('d')]).toEqual([
      'kept',
      'known',
      'kept',
    ]);
  });

  it('is not made for an admission that was opened again meanwhile', async () => {
    const { ledger, messages, meta } = await openMessages();
    const before = await meta();
    await ledger.openAdmission([], 'new', 'only_changed');
    await ledger.markFinalized(before, announcementOfEnd(before, nowMs));
    expect(await messages.all()).toEqual([]);
    expect(await meta()).toMatchObject({ stage: 'admitting' });
  });

  it('is made only where somebody wants it; an end without success also for whoever asked for the end', async () => {
    const bad = (meta: BatchMeta): BatchMeta =>
      ({ ...meta, admitted: 2, lines: { ...meta.lines, succeeded: 1, failed: 1 } }) as BatchMeta;
    const made = async (on: Webhook['on'], change: (meta: BatchMeta) => BatchMeta) => {
      const { ledger, messages, meta } = await openMessages({ on });
      const now = await meta();
      await ledger.markFinalized(now, announcementOfEnd(change(now), nowMs));
      return (await messages.all()).map(({ kind }) => kind);
    };
    expect(await made(['failed'], (meta) => meta)).toEqual([]);
    expect(await made(['failed'], bad)).toEqual(['failed']);
    expect(await made(['finished'], bad)).toEqual(['failed']);
    expect(await made(['waiting'], bad)).toEqual([]);
  });

  it('is made for whoever wants it later, while the same is still waited for', async () => {
    const { messages, approval } = await openMessages({ on: ['failed'] });
    expect(await approval('a b')).toBe('unwanted');
    await messages.listen('batch spring', webhook);
    expect([await approval('a b'), await approval('a b')]).toEqual(['kept', 'known']);
  });

  it('says of a simulated batch that it is one', async () => {
    const { meta } = await openMessages();
    const simulated = { ...(await meta()), origin: simulatedOrigin };
    const { body } = announcementOfEnd(simulated, nowMs).message;
    expect(JSON.parse(body)).toMatchObject({ text: expect.stringMatching(/^SIMULATED: Batch /) });
  });

  it('is taken by one, and by another once that one is gone', async () => {
    const { messages, finalize } = await openMessages();
    await finalize();
    expect(await messages.take(nowMs - 1, 30_000)).toEqual({ kind: 'none_due', nextMs: nowMs });
    const taken = await messages.take(nowMs, 30_000);
    expect(taken).toMatchObject({ kind: 'taken', webhook: { url: secretUrl } });
    expect(await messages.take(nowMs + 29_999, 30_000)).toMatchObject({ kind: 'none_due' });
    expect(await messages.take(nowMs + 30_000, 30_000)).toEqual(taken);
  });

  it('that was told stays so, whatever comes of a try that took longer', async () => {
    const { messages, finalize } = await openMessages();
    await finalize();
    const taken = await messages.take(nowMs, 30_000);
    if (taken.kind !== 'taken') throw new Error('none was due');
    await messages.noteTry(taken.message, { kind: 'told', tries: 1, atMs: nowMs }, nowMs);
    const late = { kind: 'due', tries: 1, why: 'HTTP 500', nextMs: nowMs + 1 } as const;
    await messages.noteTry(taken.message, late, nowMs);
    expect((await messages.all())[0]?.fate).toMatchObject({ kind: 'told' });
    expect(await messages.take(nowMs + 99_999, 1)).toEqual({ kind: 'none_due', nextMs: null });
  });

  it('is told where it was to be, though its batch is forgotten or another place is given since', async () => {
    const { ledger, messages, finalize } = await openMessages();
    await finalize();
    await messages.listen('batch spring', { ...webhook, url: 'https://other.test/' });
    await messages.listen('batch spring', 'none');
    await ledger.forget();
    expect(await messages.take(nowMs, 1)).toMatchObject({ webhook: { url: secretUrl } });
  });

  it('S8: where it goes stands in one key, and no longer than it is to be told', async () => {
    const { redis, prefix, account, messages, finalize } = await openMessages();
    await finalize();
    const holding = async () => {
      const found: string[] = [];
      for (const key of await redis.keys(`${prefix}*`)) {
        const dump = await redis.dump(key);
        const type = await redis.type(key);
        const text = type === 'hash' ? JSON.stringify(await redis.hgetall(key)) : String(dump);
        if (text.includes('very-secret')) found.push(key);
      }
      return found;
    };
    expect(await holding()).toEqual([account.keys.webhooks]);
    const taken = await messages.take(nowMs, 1);
    if (taken.kind !== 'taken') throw new Error('none was due');
    const over = { kind: 'given_up', tries: 9, atMs: nowMs, why: 'it answered HTTP 500' } as const;
    await messages.noteTry(taken.message, over, nowMs);
    await messages.listen('batch spring', 'none');
    expect(await holding()).toEqual([]);
  });
});

describe('a batch that stands still', () => {
  it('is told of once it has for a minute, once for each time', async () => {
    const { redis, ledger, admit, messages, meta } = await openMessages();
    await admit('a');
    const look = async (standstill: 'capped' | 'no_credits' | null) => {
      await announceStandstill(ledger, await meta(), standstill, { when: 'later', nowMs });
      return (await messages.all()).length;
    };
    /** As if a minute had gone by since it began to. */
    const aMinuteLater = async () => {
      const [reason, sinceMs] = ((await redis.hget(ledger.keys.meta, 'waits')) ?? '').split(' ');
      await redis.hset(ledger.keys.meta, 'waits', `${reason} ${Number(sinceMs) - 60_000}`);
    };
    expect(await look('no_credits')).toBe(0);
    await aMinuteLater();
    expect([await look('no_credits'), await look('no_credits')]).toEqual([1, 1]);
    await look(null);
    expect(await look('no_credits')).toBe(1);
    await aMinuteLater();
    expect(await look('no_credits')).toBe(2);
    expect(await look('capped')).toBe(2);
    const [{ body = '{}' } = {}] = await messages.all();
    expect(JSON.parse(body)).toMatchObject({
      type: 'batch.waiting',
      reason: 'no_credits',
      text: 'Batch spring has stopped with 1 of 1 brief left: the account is out of credits (to buy more: https://rivya.test/docs/credits-billing; to ask: https://rivya.test/docs/pricing-faq).',
    });
  });

  it('is told of at once where nobody works on it any more, and again by the next command', async () => {
    const { ledger, admit, messages, meta } = await openMessages();
    await admit('a');
    const stop = async () =>
      announceStandstill(ledger, await meta(), 'capped', { when: 'at_once', nowMs });
    await stop();
    await stop();
    expect(await messages.all()).toHaveLength(1);
    await ledger.setCaps({ batch: 10, day: undefined });
    await stop();
    expect(await messages.all()).toHaveLength(2);
  });
});
