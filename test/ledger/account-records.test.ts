import { describe, expect, it } from 'vitest';
import { AccountLedger } from '../../src/ledger/account-ledger.js';
import { connect, openLedger } from '../support/ledger.js';

async function openRecords() {
  const opened = await openLedger();
  const { account, prefix, redis } = opened;
  const { records, keys } = account;
  const elsewhere = new AccountLedger(connect(), prefix, account.account).records;
  /** As if the last look had been made so long ago. */
  const age = async (field: 'read_at' | 'asked_at', byMs: number) => {
    const at = Number(await redis.hget(keys.gate, `credits_${field}`));
    await redis.hset(keys.gate, `credits_${field}`, at - byMs);
  };
  return { ...opened, records, elsewhere, keys, age };
}

const minuteMs = 60_000;

/** Whoever is told so is the one to look. */
const due = 0;

describe('the wallet', () => {
  it('is unknown until somebody has read it, and then known with its time', async () => {
    const { records, nowMs } = await openRecords();
    expect(await records.wallet()).toBeNull();
    const before = await nowMs();
    await records.noteWallet(12.5);
    const wallet = await records.wallet();
    expect(wallet?.credits).toBe(12.5);
    expect(wallet?.readAtMs).toBeGreaterThanOrEqual(before);
    expect(wallet?.readAtMs).toBeLessThanOrEqual(await nowMs());
    await records.noteWallet(0);
    expect((await records.wallet())?.credits).toBe(0);
  });

  it('is due to one of all machines, and not again for minutes', async () => {
    const { records, elsewhere, age } = await openRecords();
    const claims = await Promise.all([records.claimWalletLook(), elsewhere.claimWalletLook()]);
    expect(claims).toContain(due);
    expect(Math.max(...claims)).toBeGreaterThan(4 * minuteMs);
    await records.noteWallet(5);
    await age('asked_at', 6 * minuteMs);
    expect(await records.claimWalletLook()).toBeGreaterThan(0);
    await age('read_at', 4 * minuteMs);
    expect(await records.claimWalletLook()).toBeGreaterThan(0);
    await age('read_at', 2 * minuteMs);
    expect(await elsewhere.claimWalletLook()).toBe(due);
    expect(await records.claimWalletLook()).toBeGreaterThan(0);
  });

  it('is due again soon where nothing was asked, and not where nothing was found out', async () => {
    const { records } = await openRecords();
    expect(await records.claimWalletLook()).toBe(due);
    expect(await records.claimWalletLook()).toBeGreaterThan(0);
    await records.giveBackWalletLook();
    expect(await records.claimWalletLook()).toBe(due);
  });

  it('S2: is not looked at while submissions are held, and again when they are not', async () => {
    const { records, account, redis, keys } = await openRecords();
    await account.park('submission');
    expect(await records.claimWalletLook()).toBeGreaterThan(0);
    await account.unpark();
    await account.halt('api_key_revoked', 'no');
    expect(await records.claimWalletLook()).toBeGreaterThan(0);
    await account.unhalt();
    await account.noteDown(30_000);
    expect(await records.claimWalletLook()).toBeGreaterThan(0);
    // Nobody has tried since: the time of the hold is over all the same.
    await redis.hset(keys.gate, 'down_until', 1);
    expect(await records.claimWalletLook()).toBe(due);
  });
});

describe('answers', () => {
  it('are none at first, and the sums of all machines later', async () => {
    const { records, elsewhere } = await openRecords();
    expect(await records.answers()).toEqual([]);
    await records.addAnswers([]);
    expect(await records.answers()).toEqual([]);
    const ok = { endpoint: 'submit', outcome: 'ok' };
    const late = { endpoint: 'status', outcome: 'rate_limited' };
    await records.addAnswers([
      { ...ok, count: 3 },
      { ...late, count: 1 },
    ]);
    await elsewhere.addAnswers([{ ...ok, count: 4 }]);
    expect(await records.answers()).toEqual([
      { ...ok, count: 7 },
      { ...late, count: 1 },
    ]);
  });
});
