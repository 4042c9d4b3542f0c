import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Webhook as Verifier } from 'standardwebhooks';
import { expect, inject } from 'vitest';
import { startReceiver } from '../notify/receiver.js';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { crashEnvironment } from '../support/crash-points.js';

const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];

/** Every file that a command has left, its private Redis' included where there is one. */
async function filesOf({ folder }: Desk): Promise<string> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile());
  const texts = files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'latin1'));
  return (await Promise.all(texts)).join('\n');
}

/** Keys of Redis that hold a text. */
async function keysWith(desk: Desk, text: string): Promise<string[]> {
  const redis = new Redis({ path: inject('redisSocket') });
  const found: string[] = [];
  for (const key of await redis.keys(`*${desk.environment.RIVYA_BATCH_PREFIX}*`)) {
    const type = await redis.type(key);
    const held =
      type === 'hash'
        ? await redis.hgetall(key)
        : type === 'stream'
          ? await redis.xrange(key, '-', '+')
          : type === 'list'
            ? await redis.lrange(key, 0, -1)
            : type === 'zset'
              ? await redis.zrange(key, '0', '-1')
              : type === 'string'
                ? await redis.get(key)
                : null;
    if (JSON.stringify(held).includes(text)) found.push(key);
  }
  redis.disconnect();
  return found;
}

test('a run tells how it ends and what it waits for, signed, and shows nobody where (S8)', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  const { received, url, origin } = await startReceiver();
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  await desk.write('in.csv', productsCsv(3));
  const notify = ['--notify', url, '--notify-private'];
  const environment = { RIVYA_BATCH_NOTIFY_SECRET: secret, RIVYA_KEY_LABEL: 'Studio' };
  const refused = await desk.run([...run, '--notify', url]);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--notify-private') });
  const capped = await desk.run([...run, ...notify, '--max-credits', '2'], { environment });
  expect(capped.code).toBe(4);
  expect(received.map(({ body }) => [body.type, body.reason])).toEqual([
    ['batch.waiting', 'capped'],
  ]);
  // The batch keeps who is told: neither the option nor its twin is given again.
  const more = await desk.run(['continue', 'out', '--max-credits', '9'], { environment });
  expect(more.code).toBe(0);
  expect(received).toHaveLength(2);
  const [, last] = received;
  expect(last?.body).toMatchObject({
    type: 'batch.finished',
    text: 'Batch out has finished: 3 of 3 briefs succeeded; 3 credits spent.',
    batch: 'out',
    out: join(desk.folder, 'out'),
    counts: { admitted: 3, succeeded: 3, pending: 0 },
    credits: { spent: 3, reserved: 0 },
    reason: null,
  });
  for (const { text, headers } of received) new Verifier(secret).verify(text, headers);
  const status = await desk.run(['status', 'out']);
  expect(status.stdout).toContain(`${origin} (finished, failed, waiting)`);
  expect(status.stdout).toMatch(/key +Studio/);
  // Nothing is left to be told, and a finished batch that is given again tells nothing.
  expect((await desk.run([...run, ...notify], { environment })).code).toBe(0);
  expect(received).toHaveLength(2);
  for (const { stdout, stderr } of [refused, capped, more, status]) {
    expect(stdout + stderr).not.toContain('very-secret');
  }
  expect(await filesOf(desk)).not.toContain('very-secret');
  expect(await keysWith(desk, 'very-secret')).toHaveLength(1);
  expect((await desk.run(['forget', 'out'])).code).toBe(0);
  expect(await keysWith(desk, 'very-secret')).toEqual([]);
});

test('an end is told once, though the receiver was down, the run killed, and the batch queued for a worker', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  let isDown = true;
  const { received, url } = await startReceiver((response) => {
    response.statusCode = isDown ? 500 : 200;
    response.end();
  });
  const environment = { RIVYA_BATCH_NOTIFY: url, RIVYA_BATCH_NOTIFY_PRIVATE: '1' };
  await desk.write('in.csv', productsCsv(2));
  const first = await desk.run(run, { environment });
  expect(first.code).toBe(0);
  expect(first.stderr).toMatch(
    /could not be notified of batch\.finished yet.*HTTP 500.*The next "rivya-batch run", or a worker/s,
  );
  isDown = false;
  // Killed behind the end, before anything of it is told.
  const point = 'after redis rivya:announce*';
  const next = ['run', 'in.csv', '--out', 'next', ...mapping, ...fast];
  const killed = await desk.run(next, {
    environment: { ...environment, ...crashEnvironment(desk, { point }) },
  });
  expect(killed.code).not.toBe(0);
  const queued = await desk.run(['enqueue', 'in.csv', '--out', 'third', ...mapping], {
    environment,
  });
  expect(queued.code).toBe(0);
  const worker = desk.start(['worker', ...fast]);
  const told = () =>
    received.flatMap(({ body }) => (body.type === 'batch.finished' ? [String(body.batch)] : []));
  while (new Set(told()).size < 3) await sleep(50);
  worker.kill('SIGTERM');
  expect((await worker.finished).code).toBe(0);
  for (const text of [first.stderr, queued.stdout, queued.stderr, worker.output()]) {
    expect(text).not.toContain('very-secret');
  }
  const ids = new Map(received.map(({ body }) => [String(body.batch), new Set<unknown>()]));
  for (const { body } of received) ids.get(String(body.batch))?.add(body.id);
  expect([...ids.values()].map(({ size }) => size)).toEqual([1, 1, 1]);
  expect(
    told()
      .filter((batch) => batch !== 'out')
      .sort(),
  ).toEqual(['next', 'third']);
});
