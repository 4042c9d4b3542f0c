import { expect, test } from 'vitest';
import { fox, withSimulator } from './with-simulator.js';

test('a task is queued, then processed, then succeeds with its files', async () => {
  const { clock, submit, read } = await withSimulator({ durationMs: 1000 });
  const created = await submit({ ...fox, params: { aspect_ratio: '16:9' } });
  expect(created.status).toBe(200);
  expect(created.body).toEqual({
    id: expect.stringMatching(/^task_/),
    status: 'queued',
    model: 'z-image',
    reserved_credits: 1,
    final_credits: 0,
    created_at: '2026-06-01T12:00:00.000Z',
    updated_at: '2026-06-01T12:00:00.000Z',
    result: null,
    error: null,
  });
  const { id } = created.body;
  expect((await read(id)).body).toEqual(created.body);
  clock.advance(250);
  expect((await read(id)).body).toMatchObject({ status: 'processing', final_credits: 0 });
  clock.advance(749);
  expect((await read(id)).body).toMatchObject({ status: 'processing', result: null });
  clock.advance(1);
  const { body } = await read(id);
  expect(body).toMatchObject({ status: 'succeeded', final_credits: 1, error: null });
  expect(body.updated_at).toBe('2026-06-01T12:00:01.000Z');
  expect(body.result.urls).toHaveLength(1);
  expect(body.result.primary_url).toBe(body.result.urls[0]);
  expect((await read(id)).body).toEqual(body);
});

test('at infinite speed a task is done at the first read, though accepted as queued', async () => {
  const { submit, read } = await withSimulator({ speed: Number.POSITIVE_INFINITY });
  const { body } = await submit(fox);
  expect(body.status).toBe('queued');
  expect((await read(body.id)).body.status).toBe('succeeded');
});

test('durations are log-normal by category, seeded, and divided by the speed', async () => {
  const endsAfterMs = async (speed: number, seed: number) => {
    const { clock, submit, read } = await withSimulator({ speed, seed });
    const { body } = await submit(fox);
    clock.advance(3_600_000);
    const done = (await read(body.id)).body;
    return Date.parse(done.updated_at) - Date.parse(done.created_at);
  };
  const usual = await endsAfterMs(1, 7);
  expect(usual).toBeGreaterThan(12_000 / 6);
  expect(usual).toBeLessThan(12_000 * 6);
  expect(await endsAfterMs(1, 7)).toBe(usual);
  expect(await endsAfterMs(1, 8)).not.toBe(usual);
  expect(Math.abs((await endsAfterMs(10, 7)) - usual / 10)).toBeLessThan(1);
});

test.each([200, 201, 202] as const)('success status %i', async (successStatus) => {
  const { submit } = await withSimulator({ successStatus });
  expect((await submit(fox)).status).toBe(successStatus);
});

test('an unknown task, and one of an earlier run, is not found', async () => {
  const { submit, read, send } = await withSimulator();
  const { body } = await submit(fox);
  await send('/simulator/reset', { method: 'POST' });
  await submit(fox);
  const answer = await read(body.id);
  expect(answer.status).toBe(404);
  expect(answer.body.error).toMatchObject({ code: 'not_found' });
  expect((await send('/api/v1/nothing')).body.error.code).toBe('not_found');
});

test('above maxRunning a submission is refused until a task ends', async () => {
  const { clock, submit } = await withSimulator({ durationMs: 1000, maxRunning: 2 });
  await submit(fox);
  await submit(fox);
  const refused = await submit(fox);
  expect(refused.status).toBe(429);
  expect(refused.body.error.code).toBe('rate_limited');
  expect(refused.body.error.message).toContain('running');
  clock.advance(1000);
  expect((await submit(fox)).status).toBe(200);
});

test('max_images and return_last_frame make more files', async () => {
  const { submit, read } = await withSimulator({ speed: Number.POSITIVE_INFINITY });
  const six = await submit({ model: 'seedream-4-0', prompt: 'x', params: { max_images: 4 } });
  expect((await read(six.body.id)).body.result.urls).toHaveLength(4);
  const film = await submit({
    model: 'seedance-2',
    prompt: 'x',
    params: { return_last_frame: 'true' },
  });
  const { urls } = (await read(film.body.id)).body.result;
  expect(urls.map((url: string) => new URL(url).pathname.split('/').at(-1))).toEqual([
    '1.mp4',
    'last-frame.png',
  ]);
});
