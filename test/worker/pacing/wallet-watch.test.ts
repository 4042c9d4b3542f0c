import { describe, expect, it, onTestFinished } from 'vitest';
import type { SettingsPatch } from '../../../src/simulator/settings.js';
import { WalletWatch } from '../../../src/worker/pacing/wallet-watch.js';
import { log, openBench } from '../stages/stage-bench.js';

async function openWatch(settings: SettingsPatch = {}, hasWork = () => true) {
  const bench = await openBench(settings);
  const { client, account } = bench;
  const { pacer } = bench.context;
  const watch = new WalletWatch({ client, account, pacer, log, hasWork });
  const asked = () =>
    Object.values(bench.simulator.bill().requests.byEndpoint.credits ?? {}).reduce(
      (sum, count) => sum + count,
      0,
    );
  const turns = () => bench.redis.hget(account.keys.pace, 'booked');
  return { ...bench, watch, asked, turns };
}

describe('a look at the wallet', () => {
  it('S7: takes a turn of the pace, and tells the balance', async () => {
    const { watch, account, asked, turns } = await openWatch({ credits: 321 });
    await watch.look();
    expect(await account.records.wallet()).toMatchObject({ credits: 321 });
    expect(asked()).toBe(1);
    expect(await turns()).toBe('1');
  });

  it('costs nothing while the balance is known well enough', async () => {
    const { watch, asked, turns } = await openWatch();
    await watch.look();
    await watch.look();
    expect(asked()).toBe(1);
    expect(await turns()).toBe('1');
  });

  it('S2: is not made while the account is out of credits', async () => {
    const { watch, account, asked } = await openWatch();
    await account.park('submission');
    await watch.look();
    expect(asked()).toBe(0);
    expect(await account.records.wallet()).toBeNull();
  });

  it('S7: is not made where no turn is near, and is due again then', async () => {
    const { watch, account, asked } = await openWatch();
    await account.noteRefused(60_000);
    await watch.look();
    expect(asked()).toBe(0);
    expect(await account.records.claimWalletLook()).toBe(0);
  });

  it('S7: tells the pace of a 429, and is not repeated at once', async () => {
    const { watch, account, asked } = await openWatch({ faults: ['rate-limited=9:1x'] });
    await watch.look();
    expect(await account.view()).toMatchObject({ refusals: 1 });
    expect(await account.records.wallet()).toBeNull();
    await watch.look();
    expect(asked()).toBe(1);
  });

  it('comes by itself once there is work, and not before', async () => {
    let answers = [false, true];
    const { watch, account, asked } = await openWatch({ credits: 321 }, () => {
      // What was sent before there was work would be seen here.
      expect(asked()).toBe(0);
      const [now = false, ...later] = answers;
      answers = later;
      return now;
    });
    watch.start();
    onTestFinished(() => watch.stop());
    const balance = async () => (await account.records.wallet())?.credits;
    await expect.poll(balance, { timeout: 30_000 }).toBe(321);
    await watch.stop();
    expect(answers).toEqual([]);
    expect(asked()).toBe(1);
  });

  it.each(['refuse=403/api_scope_denied', 'error-read', 'outage'])(
    'holds no submissions where it finds nothing out (%s)',
    async (fault) => {
      const { watch, account, asked } = await openWatch({ faults: [`${fault}:endpoint=credits`] });
      await watch.look();
      await watch.look();
      expect(asked()).toBe(1);
      expect(await account.view()).toMatchObject({ gate: { kind: 'open' }, downUntilMs: 0 });
    },
  );
});
