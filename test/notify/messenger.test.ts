import { randomBytes } from 'node:crypto';
import { Webhook as Verifier } from 'standardwebhooks';
import { describe, expect, it, onTestFinished } from 'vitest';
import { announcementOfEnd, messageOf } from '../../src/batch/announce.js';
import type { BatchMeta } from '../../src/ledger/batch-meta.js';
import { messageKinds, type Webhook } from '../../src/ledger/message-ledger.js';
import { fateAfter, Messenger } from '../../src/notify/messenger.js';
import { messagePoster, type PostSettings } from '../../src/notify/post-message.js';
import { createLogger } from '../../src/shared/logger.js';
import { type OpenLedger, openLedger } from '../support/ledger.js';
import { startReceiver } from './receiver.js';

/** Receivers take no message of another time than theirs. */
const nowMs = Date.now();
const hourMs = 3_600_000;
const noProxy = { http: null, https: null, noProxy: null };
const log = createLogger('silent', process.stderr, (text) => text);

function newMessage(madeMs = nowMs) {
  return messageOf({
    ...{ kind: 'finished', batch: 'spring', schedule: null, madeMs, about: ['spring'] },
    said: { text: 'Done.', batch: 'spring', out: '', counts: null, credits: null, reason: null },
  });
}

/** A messenger whose time a test sets, and an end that is to be told. */
async function openTelling(url: string, change: Partial<Webhook & PostSettings> = {}) {
  const opened = await openLedger();
  const time = { nowMs };
  const { messages } = opened.account;
  const { network = 'any', trust = 'unsigned', secret = null, lookup } = change;
  await messages.listen('batch spring', { url, on: [...messageKinds], network, trust });
  const clock = { now: () => time.nowMs };
  const newMessenger = (ownSecret = secret) => {
    const settings = { proxy: noProxy, userAgent: 'test', secret: ownSecret, clock };
    const post = messagePoster({ ...settings, ...(lookup ? { lookup } : {}) });
    const { account } = opened.account;
    const messenger = new Messenger({ messages, account, post, clock, log });
    onTestFinished(() => messenger.close());
    return messenger;
  };
  return { ...opened, messages, time, newMessenger, end: () => end(opened) };
}

async function end({ ledger }: OpenLedger): Promise<void> {
  const meta = (await ledger.meta()) as BatchMeta;
  await ledger.markFinalized(meta, announcementOfEnd(meta, nowMs));
}

const longMs = 10_000;

describe('a receiver', () => {
  it('that was down for an hour is told then, once, with the id that it had from the first try on', async () => {
    let isDown = true;
    const { received, url } = await startReceiver((response) => {
      response.statusCode = isDown ? 500 : 200;
      response.end();
    });
    const { messages, time, newMessenger, end } = await openTelling(url);
    await end();
    const messenger = newMessenger();
    // Whenever something is due, somebody looks.
    while (time.nowMs < nowMs + hourMs) {
      await messenger.settle(longMs);
      const [message] = await messages.all();
      if (message?.fate.kind !== 'due') throw new Error('it was told');
      time.nowMs = message.fate.nextMs;
    }
    expect(received.length).toBeLessThan(8);
    isDown = false;
    await messenger.settle(longMs);
    await messenger.settle(longMs);
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(received.map(({ text }) => text)).size).toBe(1);
    const times = received.map(({ headers }) => Number(headers['webhook-timestamp']));
    expect(new Set(times).size).toBe(received.length);
    expect((await messages.all())[0]?.fate).toEqual({
      kind: 'told',
      tries: received.length,
      atMs: time.nowMs,
    });
  });

  it('is told once of what has ended twice, and of what several processes tell', async () => {
    const { received, url } = await startReceiver();
    const { newMessenger, end } = await openTelling(url);
    await Promise.all([end(), end()]);
    await Promise.all([newMessenger(), newMessenger()].map((each) => each.settle(longMs)));
    await end();
    await newMessenger().settle(longMs);
    expect(received.map(({ body }) => body.type)).toEqual(['batch.finished']);
    expect(received[0]?.body.id).toBe(received[0]?.headers['webhook-id']);
  });

  it('is told by the next one where a process was killed in its try', async () => {
    const { received, url } = await startReceiver();
    const { messages, time, newMessenger, end } = await openTelling(url);
    await end();
    // Taken by one that never notes what came of it.
    const taken = await messages.take(time.nowMs, 20_000);
    if (taken.kind !== 'taken') throw new Error('none was due');
    await newMessenger().settle(longMs);
    expect(received).toEqual([]);
    time.nowMs += 20_000;
    await newMessenger().settle(longMs);
    expect(received.map(({ headers }) => headers['webhook-id'])).toEqual([taken.message.id]);
  });

  it('that redirects is not followed, and that has gone is not asked again', async () => {
    const elsewhere = await startReceiver();
    const redirecting = await startReceiver((response) => {
      response.writeHead(307, { location: elsewhere.url }).end();
    });
    const first = await openTelling(redirecting.url);
    await first.end();
    await first.newMessenger().settle(longMs);
    expect((await first.messages.all())[0]?.fate).toMatchObject({
      kind: 'due',
      why: 'it answered HTTP 307, and redirects are not followed',
    });
    expect(elsewhere.received).toEqual([]);
    const gone = await startReceiver((response) => response.writeHead(410).end());
    const second = await openTelling(gone.url);
    await second.end();
    await second.newMessenger().settle(longMs);
    expect((await second.messages.all())[0]?.fate).toMatchObject({ kind: 'given_up', tries: 1 });
  });

  it('that does not answer holds nobody up: it is cut off and told later', async () => {
    const { received, url } = await startReceiver(() => undefined);
    const { messages, newMessenger, end } = await openTelling(url);
    await end();
    const messenger = newMessenger();
    await messenger.settle(200);
    await messenger.close();
    expect(received).toHaveLength(1);
    expect((await messages.all())[0]?.fate).toMatchObject({
      kind: 'due',
      tries: 1,
      why: 'it did not answer in time',
    });
  });

  it('knows us by a signature that the library verifies, made again at each try', async () => {
    const secret = `whsec_${randomBytes(24).toString('base64')}`;
    const { received, url } = await startReceiver((response, nth) => {
      response.statusCode = nth === 1 ? 503 : 204;
      response.end();
    });
    const telling = await openTelling(url, { trust: 'signed', secret });
    const { time, newMessenger, messages, end } = telling;
    await end();
    // Whoever has nothing to sign with sends nothing.
    await newMessenger(null).settle(longMs);
    expect(received).toEqual([]);
    expect((await messages.all())[0]?.fate).toMatchObject({
      why: expect.stringContaining('RIVYA_BATCH_NOTIFY_SECRET'),
    });
    for (const laterMs of [60_000, 120_000]) {
      time.nowMs += laterMs;
      await newMessenger().settle(longMs);
    }
    expect(received).toHaveLength(2);
    const [first, second] = received;
    expect(first?.headers['webhook-signature']).not.toBe(second?.headers['webhook-signature']);
    for (const { text, headers } of received) {
      expect(new Verifier(secret).verify(text, headers)).toMatchObject({ type: 'batch.finished' });
      expect(() => new Verifier(secret).verify(`${text} `, headers)).toThrow('No matching');
    }
  });

  it.each([
    ['http://127.0.0.1:1/very-secret', undefined],
    ['http://hooks.test/very-secret', [{ address: '10.0.0.1', family: 4 }]],
  ])('in a private network is told only where that was allowed: %s', async (url, resolved) => {
    const lookup: PostSettings['lookup'] = (_host, _options, callback) =>
      callback(null, resolved ?? []);
    const { messages, newMessenger, end } = await openTelling(url, { network: 'public', lookup });
    await end();
    await newMessenger().settle(longMs);
    expect((await messages.all())[0]?.fate).toMatchObject({
      why: expect.stringContaining('--notify-private allows'),
    });
    expect(JSON.stringify(await messages.all())).not.toContain('very-secret');
  });
});

describe('what becomes of a message after a try', () => {
  const refused = { kind: 'failed', why: 'it answered HTTP 500', retryAfterMs: null } as const;

  it('is another one after a longer and longer time, the last of them after a day', () => {
    let message = newMessage();
    let time = nowMs;
    const waits: number[] = [];
    for (;;) {
      const fate = fateAfter(message, refused, time);
      message = { ...message, fate };
      if (fate.kind !== 'due') break;
      waits.push((fate.nextMs - time) / 1000);
      time = fate.nextMs;
    }
    expect(waits.slice(0, 6)).toEqual([5, 25, 125, 625, 3_125, 3_600]);
    expect(message.fate).toMatchObject({ kind: 'given_up', atMs: nowMs + 24 * hourMs });
  });

  it('keeps to what the receiver asks for, an hour at most', () => {
    const next = (retryAfterMs: number) =>
      fateAfter(newMessage(), { ...refused, retryAfterMs }, nowMs);
    expect(next(60_000)).toMatchObject({ nextMs: nowMs + 60_000 });
    expect(next(1)).toMatchObject({ nextMs: nowMs + 5_000 });
    expect(next(9 * hourMs)).toMatchObject({ nextMs: nowMs + hourMs });
  });

  it('is the end of it once it was found too late: it is tried once more, and then given up', () => {
    const late = newMessage(nowMs - 48 * hourMs);
    expect(fateAfter(late, refused, nowMs)).toMatchObject({ kind: 'given_up' });
    expect(fateAfter(late, { kind: 'told' }, nowMs)).toMatchObject({ kind: 'told' });
  });
});
