import { expect, test } from 'vitest';
import { apiKey, fox, withSimulator } from './with-simulator.js';

test('the bill adds up by API key, idempotency key and prompt', async () => {
  const options = { credits: 100, durationMs: 1000 };
  const { clock, simulator, submit, read, send } = await withSimulator(options);
  const { id } = (await submit(fox, { 'idempotency-key': 'k1' })).body;
  await submit(fox, { 'idempotency-key': 'k2' });
  await submit({ model: 'nano-banana', prompt: 'other' });
  await read(id);
  await read('task_none');
  clock.advance(1000);
  await submit({ model: 'nope', prompt: 'x' });
  const { body } = await send('/simulator/bill');
  expect(body).toMatchObject({
    wallet: 95,
    total: { tasks: 3, charged: 5, refunded: 0, spent: 5 },
    tasks: { running: 0, succeeded: 3, failed: 0, maxRunning: 3 },
    byApiKey: { 'rvya_sk_...cdef': { tasks: 3, charged: 5 } },
    byIdempotencyKey: { k1: { tasks: 1, charged: 1, taskIds: [id] }, k2: { charged: 1 } },
    byPrompt: { 'A fox in the snow': { tasks: 2, charged: 2 }, other: { charged: 3 } },
    billedTwice: [],
    requests: {
      total: 6,
      byEndpoint: { submit: { 200: 3, 400: 1 }, read: { 200: 1, 404: 1 } },
      maxInWindow: 5,
      windowMs: 1000,
    },
    refusals: 0,
    replays: 0,
    authorizationViolations: [],
  });
  expect(body).toEqual(JSON.parse(JSON.stringify(simulator.bill())));
  expect(JSON.stringify(body)).not.toContain(apiKey);
});

test('the times of all requests on demand', async () => {
  const { clock, send, submit } = await withSimulator();
  await submit(fox);
  clock.advance(10);
  await send('/api/v1/credits');
  const { requestLog } = (await send('/simulator/bill?requests=1')).body;
  const at = clock.now() - 10;
  expect(requestLog).toEqual([
    { at, endpoint: 'submit', status: 200 },
    { at: at + 10, endpoint: 'credits', status: 200 },
  ]);
});

test('prompts such as __proto__ are counted like any other', async () => {
  const { simulator, submit } = await withSimulator();
  await submit({ ...fox, prompt: '__proto__' });
  await submit({ ...fox, prompt: 'constructor' });
  expect(Object.keys(simulator.bill().byPrompt)).toEqual(['__proto__', 'constructor']);
});

test('reset forgets everything but the settings', async () => {
  const { simulator, submit, send } = await withSimulator({
    credits: 7,
    faults: ['api-disabled:1x'],
  });
  await submit(fox);
  await submit(fox);
  expect((await send('/simulator/reset', { method: 'POST' })).body).toEqual({ wallet: 7 });
  expect(simulator.bill()).toMatchObject({
    wallet: 7,
    total: { tasks: 0 },
    requests: { total: 0 },
  });
  expect((await submit(fox)).status).toBe(503);
});
