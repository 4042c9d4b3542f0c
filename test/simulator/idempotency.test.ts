import { expect, test } from 'vitest';
import { fox, withSimulator } from './with-simulator.js';

const key = { 'idempotency-key': 'rvb-1' };

test('replay: the same key and bytes answer the same task, charged once', async () => {
  const { simulator, submit } = await withSimulator({ speed: Number.POSITIVE_INFINITY });
  const first = await submit(fox, key);
  const again = await submit(fox, key);
  expect(again.body).toEqual(first.body);
  expect(simulator.bill()).toMatchObject({ total: { tasks: 1 }, replays: 1, billedTwice: [] });
});

test('without a key every submission is a new task', async () => {
  const { simulator, submit } = await withSimulator();
  await submit(fox);
  await submit(fox);
  expect(simulator.bill().total.tasks).toBe(2);
});

test('other bytes under the same key conflict, even where the JSON is equal', async () => {
  const { simulator, submit } = await withSimulator();
  await submit(JSON.stringify(fox), key);
  const conflict = await submit(JSON.stringify(fox, null, 1), key);
  expect(conflict.status).toBe(409);
  expect(conflict.body.error.code).toBe('idempotency_conflict');
  expect(simulator.bill().total.tasks).toBe(1);
});

test('bills-twice: a replay makes and charges a second task, and the bill shows it', async () => {
  const { simulator, submit } = await withSimulator({ idempotency: 'bills-twice' });
  const first = await submit(fox, key);
  const second = await submit(fox, key);
  expect(second.body.id).not.toBe(first.body.id);
  const taskIds = [first.body.id, second.body.id];
  expect(simulator.bill().billedTwice).toEqual([
    { idempotencyKey: 'rvb-1', tasks: 2, charged: 2, refunded: 0, spent: 2, taskIds },
  ]);
});

test('conflict: a replay of an accepted key is refused', async () => {
  const { simulator, submit } = await withSimulator({ idempotency: 'conflict' });
  await submit(fox, key);
  const again = await submit(fox, key);
  expect(again).toMatchObject({ status: 409, body: { error: { code: 'idempotency_conflict' } } });
  expect(simulator.bill().total.tasks).toBe(1);
});

test('refusals are not stored: the same key is accepted once the cause is gone', async () => {
  const { submit, control } = await withSimulator({ credits: 0 });
  const [first, second] = [await submit(fox, key), await submit(fox, key)];
  expect(second.body.error.requestId).not.toBe(first.body.error.requestId);
  await control({ credits: 10 });
  expect((await submit(fox, key)).status).toBe(200);
});

test('replayRefusals: the same refusal with the same requestId, though the cause is gone', async () => {
  const { submit, control } = await withSimulator({ credits: 0, replayRefusals: true });
  const first = await submit(fox, key);
  await control({ credits: 10 });
  const second = await submit(fox, key);
  expect(second.status).toBe(402);
  expect(second.body).toEqual(first.body);
  expect((await submit(fox, { 'idempotency-key': 'rvb-2' })).status).toBe(200);
});

test('a key is forgotten after its lifetime', async () => {
  const { clock, simulator, submit } = await withSimulator({ keyLifetimeMs: 1000 });
  await submit(fox, key);
  clock.advance(1000);
  await submit(fox, key);
  expect(simulator.bill().total.tasks).toBe(1);
  clock.advance(1);
  await submit(fox, key);
  expect(simulator.bill().billedTwice).toHaveLength(1);
});
