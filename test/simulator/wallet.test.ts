import { expect, test } from 'vitest';
import { fox, withSimulator } from './with-simulator.js';

const speed = Number.POSITIVE_INFINITY;

test('credits are spent at acceptance', async () => {
  const { submit, send } = await withSimulator({ credits: 10, durationMs: 1000 });
  await submit({ model: 'nano-banana', prompt: 'x' });
  expect((await send('/api/v1/credits')).body).toEqual({ current_credits: 7 });
});

test('a failed task gives its credits back at its end, whether read or not', async () => {
  const faults = ['task-fails'];
  const { clock, submit, send } = await withSimulator({ credits: 10, durationMs: 1000, faults });
  await submit(fox);
  expect((await send('/api/v1/credits')).body.current_credits).toBe(9);
  clock.advance(1000);
  expect((await send('/api/v1/credits')).body.current_credits).toBe(10);
});

test.each(['402', '400', '403'] as const)('too few credits answer %s', async (status) => {
  const { simulator, submit } = await withSimulator({ credits: 0, insufficientCredits: status });
  const refused = await submit(fox);
  expect(refused.status).toBe(Number(status));
  expect(refused.body.error.code).toBe('insufficient_credits');
  expect(simulator.bill().total.tasks).toBe(0);
});

test('too few credits as a failed task: on record, not charged', async () => {
  const options = { credits: 0, insufficientCredits: 'failed-task' } as const;
  const { simulator, submit, read } = await withSimulator(options);
  const { body } = await submit(fox);
  expect(body).toMatchObject({ status: 'failed', error: { code: 'insufficient_credits' } });
  expect(body).toMatchObject({ reserved_credits: 0, final_credits: 0 });
  expect((await read(body.id)).body).toEqual(body);
  expect(simulator.bill()).toMatchObject({ total: { tasks: 1, charged: 0 }, tasks: { failed: 1 } });
});

test('the balance can be changed in the middle', async () => {
  const { submit, send, control } = await withSimulator({ credits: 0 });
  expect((await submit(fox)).status).toBe(402);
  const add = { method: 'POST', body: JSON.stringify({ add: 5 }) };
  expect((await send('/simulator/credits', add)).body).toEqual({ wallet: 5 });
  expect((await submit(fox)).status).toBe(200);
  const set = { method: 'POST', body: JSON.stringify({ set: 2 }) };
  expect((await send('/simulator/credits', set)).body).toEqual({ wallet: 2 });
  await control({ credits: 50 });
  expect((await send('/api/v1/credits')).body.current_credits).toBe(50);
});

test.each([
  ['nano-banana-pro', {}, 8],
  ['nano-banana-pro', { resolution: '4K' }, 32],
  ['ideogram-v3', { rendering_speed: 'TURBO' }, 4],
  ['seedream-4-0', { max_images: 3 }, 18],
  ['seedream-4-5', { quality: 'high' }, 14],
  ['kling-2-6', { duration: '10' }, 110],
  ['seedance-2', { duration: 10, generate_audio: 'false' }, 234],
  ['z-image', { aspect_ratio: '16:9', unknown: 'x' }, 1],
])('%s with %j costs %i', async (model, params, credits) => {
  const { submit } = await withSimulator();
  expect((await submit({ model, prompt: 'x', params })).body.reserved_credits).toBe(credits);
});

test('prices can be set by model and raised in the middle', async () => {
  const { submit, control } = await withSimulator({ prices: { 'z-image': 20 } });
  expect((await submit(fox)).body.reserved_credits).toBe(20);
  await control({ priceFactor: 1.5 });
  expect((await submit(fox)).body.reserved_credits).toBe(30);
});

test.each([
  [0.5, 5, 95],
  [1.5, 15, 85],
])(
  'final credits at %f of the reserved ones settle the wallet',
  async (finalFactor, final, left) => {
    const prices = { 'z-image': 10 };
    const { simulator, submit, read } = await withSimulator({
      credits: 100,
      speed,
      prices,
      finalFactor,
    });
    const { body } = await submit(fox);
    expect((await read(body.id)).body).toMatchObject({
      reserved_credits: 10,
      final_credits: final,
    });
    expect(simulator.bill()).toMatchObject({ wallet: left, total: { spent: final } });
  },
);
