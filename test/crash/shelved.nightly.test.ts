import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, inject } from 'vitest';
import { batchKeys } from '../../src/ledger/keys.js';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { crashEnvironment } from '../support/crash-points.js';
import { S3Server } from '../support/s3-server.js';

const run = (out: string) => ['run', 'in.csv', '--out', out, ...mapping, ...fast];
const another = ['run', 'other.csv', '--out', 'other', ...mapping, ...fast];

/** Where the batch has its results; from a bucket, each command is on a machine of its own. */
const places = ['a folder', 'a bucket'] as const;

/** A finished batch that ended long ago, as far as Redis knows. */
async function openOld(
  openDesk: (options: object) => Promise<Desk>,
  place: (typeof places)[number],
) {
  const desk = await openDesk({ idempotency: 'bills-twice' });
  const server = place === 'a bucket' ? await S3Server.start('cat') : null;
  const out = server === null ? 'out' : 's3://cat/out';
  const machine = async () => {
    if (server === null) return {};
    const home = await mkdtemp(join(tmpdir(), 'rivya-batch-home-'));
    return { ...server.env, RIVYA_BATCH_HOME: home };
  };
  const command = async (words: string[]) => desk.run(words, { environment: await machine() });
  const killed = async (words: string[], point: string) => {
    const environment = { ...(await machine()), ...crashEnvironment(desk, { point }) };
    expect((await desk.start(words, environment).finished).code).toBeNull();
  };
  await desk.write('in.csv', productsCsv(3));
  await desk.write('other.csv', productsCsv(1));
  expect((await command(run(out))).code).toBe(0);
  const redis = new Redis({ path: inject('redisSocket') });
  const { meta, state } = batchKeys(desk.environment.RIVYA_BATCH_PREFIX ?? '', 'out');
  await redis.hset(meta, 'ended_at', 1);
  const standsIn = async () => {
    const [shelved, states] = await Promise.all([redis.hget(meta, 'shelved'), redis.hlen(state)]);
    return { shelved, states };
  };
  const close = async () => {
    redis.disconnect();
    await server?.stop();
  };
  return { desk, out, command, killed, standsIn, close };
}

const here = { shelved: null, states: 3 };
const gone = { shelved: '0', states: 0 };

const shelving = [
  ['before redis rivya:shelve*', here],
  ['after redis rivya:shelve*', gone],
] as const;

const comingBack = [
  'before redis rivya:adopt*',
  'after redis rivya:adopt*',
  'before redis rivya:unshelve*',
  'after redis rivya:unshelve*',
  'before redis rivya:open-admission*',
];

describe.concurrent('a run that is killed', () => {
  test.for(
    places.flatMap((place) => shelving.map(([point, left]) => [point, left, place] as const)),
  )(
    '%s leaves an old batch whole, or shelved (S1, S4): %j, in %s',
    async ([point, left, place], { openDesk }) => {
      const { desk, out, command, killed, standsIn, close } = await openOld(openDesk, place);
      await killed(another, point);
      expect(await standsIn()).toEqual(left);
      expect((await command(run(out))).code).toBe(0);
      expect(desk.simulator.bill().total.tasks).toBe(4);
      expect((await command(['verify', out])).code).toBe(0);
      await close();
    },
  );

  test.for(places.flatMap((place) => comingBack.map((point) => [point, place] as const)))(
    '%s has not paid for what comes back from %s (S1, S4)',
    async ([point, place], { openDesk }) => {
      const { desk, out, command, killed, standsIn, close } = await openOld(openDesk, place);
      expect((await command(another)).code).toBe(0);
      expect(await standsIn()).toEqual(gone);
      expect((await command(['status', 'out'])).stdout).toMatch(
        /^Batch out: finished\n.*\n.*3 succeeded/,
      );
      await desk.write('in.csv', productsCsv(3).replace(/(\n[^\n,]*,)[^\n,]*/, '$1Another title'));
      await killed(run(out), point);
      expect(desk.simulator.bill().total.tasks).toBe(4);
      expect((await command(run(out))).code).toBe(0);
      expect(desk.simulator.bill().total.tasks).toBe(5);
      expect(await standsIn()).toEqual(here);
      expect((await command(['verify', out])).code).toBe(0);
      expect((await command(run(out))).code).toBe(0);
      expect(desk.simulator.bill().total.tasks).toBe(5);
      await close();
    },
  );
});
