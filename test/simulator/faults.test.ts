import { expect, test } from 'vitest';
import { fox, withSimulator } from './with-simulator.js';

const speed = Number.POSITIVE_INFINITY;
const key = { 'idempotency-key': 'rvb-1' };

test('outage: every endpoint of the API is cut, the control ones are not', async () => {
  const { submit, send, control } = await withSimulator({ faults: ['outage'] });
  await expect(submit(fox)).rejects.toThrow();
  await expect(send('/api/v1/models')).rejects.toThrow();
  await control({ faults: [] });
  expect((await submit(fox)).status).toBe(200);
});

test('api-disabled, so many times', async () => {
  const { submit } = await withSimulator({ faults: ['api-disabled:2x'] });
  for (const status of [503, 503, 200]) expect((await submit(fox)).status).toBe(status);
});

test('rate-limited for the next requests', async () => {
  const { submit, simulator } = await withSimulator({
    faults: ['rate-limited=3:1x', 'rate-limited:1x'],
  });
  const first = await submit(fox);
  expect(first).toMatchObject({ status: 429, body: { error: { code: 'rate_limited' } } });
  expect(first.headers.get('retry-after')).toBe('3');
  expect((await submit(fox)).headers.get('retry-after')).toBeNull();
  expect((await submit(fox)).status).toBe(200);
  expect(simulator.bill()).toMatchObject({ refusals: 2, faults: { 'rate-limited': 2 } });
});

test('revoked-key from now on; public endpoints do not mind', async () => {
  const { submit, send, control } = await withSimulator();
  expect((await submit(fox)).status).toBe(200);
  await control({ faults: ['revoked-key'] });
  expect(await submit(fox)).toMatchObject({
    status: 401,
    body: { error: { code: 'api_key_revoked' } },
  });
  expect((await send('/api/v1/models')).status).toBe(200);
});

test('refuse with any status and code, with and without requestId', async () => {
  const faults = ['refuse=422/new_code:1x', 'refuse=500/odd/absent:1x:endpoint=credits'];
  const { submit, send } = await withSimulator({ faults });
  expect(await submit(fox)).toMatchObject({ status: 422, body: { error: { code: 'new_code' } } });
  expect((await submit(fox)).status).toBe(200);
  const bare = await send('/api/v1/credits');
  expect(bare.status).toBe(500);
  expect(bare.body.error).not.toHaveProperty('requestId');
});

test.each(['drop-before-accept', 'gateway-before-accept', 'error-before-accept'])(
  '%s: nothing is made, and the same key is then accepted',
  async (fault) => {
    const { simulator, submit } = await withSimulator({ faults: [`${fault}:1x`] });
    await submit(fox, key).catch(() => null);
    expect(simulator.bill().total.tasks).toBe(0);
    expect((await submit(fox, key)).status).toBe(200);
    expect(simulator.bill()).toMatchObject({ total: { tasks: 1 }, replays: 0 });
  },
);

test.each(['lose-answer-after-accept', 'gateway-after-accept', 'error-after-accept'])(
  '%s: the task is made and charged, and a replay tells its id',
  async (fault) => {
    const { simulator, submit, read } = await withSimulator({ speed, faults: [`${fault}:1x`] });
    await submit(fox, key).catch(() => null);
    expect(simulator.bill().total).toMatchObject({ tasks: 1, charged: 1 });
    const { body } = await submit(fox, key);
    expect((await read(body.id)).body.status).toBe('succeeded');
    expect(simulator.bill()).toMatchObject({ total: { tasks: 1 }, replays: 1 });
  },
);

test('the three shapes of a broken answer', async () => {
  const faults = ['drop-before-accept:1x', 'gateway-after-accept:1x', 'error-after-accept:1x'];
  const { simulator, submit } = await withSimulator({ faults });
  await expect(submit(fox)).rejects.toThrow();
  const page = await submit(fox);
  expect(page.status).toBe(502);
  expect(page.headers.get('content-type')).toContain('text/html');
  expect(page.text).toContain('Bad Gateway');
  expect(await submit(fox)).toMatchObject({ status: 500, body: { error: expect.anything() } });
  const { byEndpoint } = simulator.bill().requests;
  expect(byEndpoint.submit).toEqual({ dropped: 1, 502: 1, 500: 1 });
});

test('late-answer: the task is made at once, the answer comes after the client has given up', async () => {
  const { simulator, submit } = await withSimulator({
    faults: ['late-answer=60000:1x', 'late-answer=1'],
  });
  const { origin } = simulator;
  const headers = { authorization: 'Bearer rvya_sk_x', 'content-type': 'application/json', ...key };
  const controller = new AbortController();
  const body = JSON.stringify(fox);
  const { signal } = controller;
  const waiting = fetch(`${origin}/api/v1/generations`, { method: 'POST', headers, body, signal });
  while (simulator.bill().total.tasks === 0) await new Promise(setImmediate);
  controller.abort();
  await expect(waiting).rejects.toThrow();
  expect((await submit(fox, key)).body.status).toBe('queued');
  expect(simulator.bill()).toMatchObject({ total: { tasks: 1 }, replays: 1 });
});

test('reads can be cut, replaced by a gateway page, fail and be late', async () => {
  const faults = ['drop-read:1x', 'gateway-read:1x', 'error-read:1x', 'late-read=1:1x'];
  const { submit, read } = await withSimulator({ faults });
  const { id } = (await submit(fox)).body;
  await expect(read(id)).rejects.toThrow();
  for (const status of [502, 500, 200]) expect((await read(id)).status).toBe(status);
});

test('early-404: not found at first', async () => {
  const { clock, submit, read } = await withSimulator({
    durationMs: 0,
    faults: ['early-404=1000'],
  });
  const { id } = (await submit(fox)).body;
  expect((await read(id)).status).toBe(404);
  clock.advance(1000);
  expect((await read(id)).body.status).toBe('succeeded');
});

test('unknown-status: a word nobody has heard of, for a while', async () => {
  const faults = ['unknown-status=pondering/2000'];
  const { clock, submit, read } = await withSimulator({ speed, faults });
  const { id } = (await submit(fox)).body;
  expect((await read(id)).body).toMatchObject({ status: 'pondering', result: null });
  clock.advance(2000);
  expect((await read(id)).body.status).toBe('succeeded');
});

test('task-fails: with a code of choice, refunded or kept, with and without error', async () => {
  const faults = [
    'task-fails:prompt=one',
    'task-fails=insufficient_credits/kept/absent:prompt=two',
  ];
  const { simulator, submit, read } = await withSimulator({ speed, faults });
  const settle = async (prompt: string) => {
    const { id } = (await submit({ ...fox, prompt })).body;
    return (await read(id)).body;
  };
  expect(await settle('one')).toMatchObject({
    status: 'failed',
    final_credits: 0,
    error: { code: 'generation_failed', message: 'The generation failed.' },
  });
  expect(await settle('two')).toMatchObject({ status: 'failed', final_credits: 1, error: null });
  expect((await settle('three')).status).toBe('succeeded');
  expect(simulator.bill()).toMatchObject({
    total: { tasks: 3, charged: 3, refunded: 1, spent: 2 },
    tasks: { running: 0, failed: 2, succeeded: 1 },
  });
});

test('never-ends', async () => {
  const { clock, simulator, submit, read } = await withSimulator({ speed, faults: ['never-ends'] });
  const { id } = (await submit(fox)).body;
  clock.advance(1e9);
  expect((await read(id)).body.status).toBe('processing');
  expect(simulator.bill().tasks.running).toBe(1);
});

test.each([
  ['null-result', { result: null, final_credits: 1 }],
  ['empty-urls', { result: { primary_url: null, urls: [] } }],
  ['many-urls=5', { result: { urls: expect.objectContaining({ length: 5 }) } }],
  ['extra-fields', { queue_position: 3 }],
  ['final-credits=3', { reserved_credits: 1, final_credits: 3 }],
])('%s: the task succeeds all the same', async (fault, expected) => {
  const { submit, read } = await withSimulator({ speed, faults: [fault] });
  const { id } = (await submit(fox)).body;
  expect((await read(id)).body).toMatchObject({ status: 'succeeded', ...expected });
});

test('faults of one task add up, and of two outcomes the earlier rule wins', async () => {
  const faults = ['extra-fields', 'task-fails=first', 'task-fails=second', 'final-credits=3'];
  const { submit, read } = await withSimulator({ speed, faults });
  const { id } = (await submit(fox)).body;
  expect((await read(id)).body).toMatchObject({ queue_position: 3, error: { code: 'first' } });
});

test('a rule with a probability strikes about so often, and the same again with the same seed', async () => {
  const { simulator, submit, send } = await withSimulator({ seed: 3, faults: ['task-fails:0.25'] });
  const strike = async () => {
    for (let count = 0; count < 200; count += 1) await submit(fox);
    return simulator.bill().faults['task-fails'];
  };
  const struck = await strike();
  expect(struck).toBeGreaterThan(25);
  expect(struck).toBeLessThan(80);
  await send('/simulator/reset', { method: 'POST' });
  expect(await strike()).toBe(struck);
});

test('a rule can be for one model', async () => {
  const { submit } = await withSimulator({ faults: ['error-before-accept:model=nano-banana'] });
  expect((await submit(fox)).status).toBe(200);
  expect((await submit({ ...fox, model: 'nano-banana' })).status).toBe(500);
});
