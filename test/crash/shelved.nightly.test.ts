import { Redis } from 'ioredis';
import { describe, expect, inject } from 'vitest';
import { batchKeys } from '../../src/ledger/keys.js';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { crashEnvironment } from '../support/crash-points.js';

const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
const another = ['run', 'other.csv', '--out', 'other', ...mapping, ...fast];

/** A finished batch that ended long ago, as far as Redis knows. */
async function openOld(openDesk: (options: object) => Promise<Desk>) {
  const desk = await openDesk({ idempotency: 'bills-twice' });
  await desk.write('in.csv', productsCsv(3));
  await desk.write('other.csv', productsCsv(1));
  expect((await desk.run(run)).code).toBe(0);
  const redis = new Redis({ path: inject('redisSocket') });
  const { meta, state } = batchKeys(desk.environment.RIVYA_BATCH_PREFIX ?? '', 'out');
  await redis.hset(meta, 'ended_at', 1);
  const standsIn = async () => {
    const [shelved, states] = await Promise.all([redis.hget(meta, 'shelved'), redis.hlen(state)]);
    return { shelved, states };
  };
  return { desk, standsIn, close: () => redis.disconnect() };
}

const here = { shelved: null, states: 3 };
const gone = { shelved: '0', states: 0 };

describe.concurrent('a run that is killed', () => {
  test.for([
    ['before redis rivya:shelve*', here],
    ['after redis rivya:shelve*', gone],
  ] as const)(
    '%s leaves an old batch whole, or shelved (S1, S4)',
    async ([point, left], { openDesk }) => {
      const { desk, standsIn, close } = await openOld(openDesk);
      const killed = desk.start(another, crashEnvironment(desk, { point }));
      expect((await killed.finished).code).toBeNull();
      expect(await standsIn()).toEqual(left);
      expect((await desk.run(run)).code).toBe(0);
      expect(desk.simulator.bill().total.tasks).toBe(4);
      expect((await desk.run(['verify', 'out'])).code).toBe(0);
      close();
    },
  );

  test.for([
    'before redis rivya:adopt*',
    'after redis rivya:adopt*',
    'before redis rivya:unshelve*',
    'after redis rivya:unshelve*',
    'before redis rivya:open-admission*',
  ])(
    '%s has not paid for what comes back from its folder (S1, S4)',
    async (point, { openDesk }) => {
      const { desk, standsIn, close } = await openOld(openDesk);
      expect((await desk.run(another)).code).toBe(0);
      expect(await standsIn()).toEqual(gone);
      expect((await desk.run(['status', 'out'])).stdout).toMatch(
        /^Batch out: finished\n.*\n.*3 succeeded/,
      );
      await desk.write('in.csv', productsCsv(3).replace(/(\n[^\n,]*,)[^\n,]*/, '$1Another title'));
      const killed = desk.start(run, crashEnvironment(desk, { point }));
      expect((await killed.finished).code).toBeNull();
      expect(desk.simulator.bill().total.tasks).toBe(4);
      expect((await desk.run(run)).code).toBe(0);
      expect(desk.simulator.bill().total.tasks).toBe(5);
      expect(await standsIn()).toEqual(here);
      expect((await desk.run(['verify', 'out'])).code).toBe(0);
      expect((await desk.run(run)).code).toBe(0);
      expect(desk.simulator.bill().total.tasks).toBe(5);
      close();
    },
  );
});
