import { expect, it } from 'vitest';
import { messageKinds, type Webhook } from '../../src/ledger/message-ledger.js';
import { createLogger } from '../../src/shared/logger.js';
import { StandstillWatch } from '../../src/worker/standstill-watch.js';
import { openLedger } from '../support/ledger.js';

const webhook: Webhook = {
  url: 'https://hooks.test/very-secret',
  on: [...messageKinds],
  network: 'public',
  trust: 'unsigned',
};

async function openWatch() {
  const opened = await openLedger();
  const { account, ledger, redis } = opened;
  const log = createLogger('silent', process.stderr, (text) => text);
  const clock = { now: () => Date.now() };
  const watch = new StandstillWatch({ account, clock, log, ledgers: () => [ledger] });
  return {
    ...opened,
    watch,
    waits: () => redis.hget(ledger.keys.meta, 'waits'),
    told: async () => {
      const messages = await account.messages.all();
      return messages.map(({ body }) => (JSON.parse(body) as { reason: string }).reason);
    },
    aMinuteLater: async () => {
      const [reason, sinceMs] = ((await redis.hget(ledger.keys.meta, 'waits')) ?? '').split(' ');
      await redis.hset(ledger.keys.meta, 'waits', `${reason} ${Number(sinceMs) - 60_000}`);
    },
  };
}

it.each([
  ['no_credits', (account) => account.park('submission')],
  ['key_refused', (account) => account.halt('api_key_revoked', 'Revoked.')],
  ['api_down', (account) => account.noteDown(null)],
] satisfies [string, (account: Awaited<ReturnType<typeof openWatch>>['account']) => unknown][])(
  'has it told that a batch stands still, once it has for a minute: %s',
  async (reason, hold) => {
    const { account, admit, watch, told, aMinuteLater } = await openWatch();
    await account.messages.listen('batch spring', webhook);
    await admit('a');
    await hold(account);
    await watch.look();
    expect(await told()).toEqual([]);
    await aMinuteLater();
    await watch.look();
    await watch.look();
    expect(await told()).toEqual([reason]);
  },
);

it('begins again once it has gone on, and has nothing told of a batch of which nothing is left', async () => {
  const { account, admit, watch, told, waits, aMinuteLater } = await openWatch();
  await account.messages.listen('batch spring', webhook);
  await account.park('submission');
  await watch.look();
  expect(await waits()).toBeNull();
  await admit('a');
  await watch.look();
  await account.unpark();
  await watch.look();
  expect(await waits()).toBeNull();
  await account.park('submission');
  await watch.look();
  expect(await told()).toEqual([]);
  await aMinuteLater();
  await watch.look();
  expect(await told()).toEqual(['no_credits']);
});

it('S2: looks no further where nobody wants to be told', async () => {
  const { account, admit, watch, waits } = await openWatch();
  await account.messages.listen('batch spring', { ...webhook, on: ['finished'] });
  await admit('a');
  await account.park('submission');
  await watch.look();
  expect(await waits()).toBeNull();
});
