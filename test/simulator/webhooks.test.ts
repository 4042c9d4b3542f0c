import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../src/shared/clock.js';
import type { SimulatorOptions } from '../../src/simulator/start-simulator.js';
import { fox, withSimulator } from './with-simulator.js';

const path = '/api/v1/webhooks';
const types = ['generation.succeeded', 'generation.failed'];
const soon = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 10 });

/** Somebody who is told, and what they were told. */
async function openReceiver(status = 204) {
  // biome-ignore lint/suspicious/noExplicitAny: a test names the fields that it expects.
  const told: any[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      told.push(JSON.parse(body));
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { told, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret` };
}

async function open(options: SimulatorOptions = {}) {
  const opened = await withSimulator({ clock: systemClock, speed: 'infinity', ...options });
  const create = (url: unknown, patch: object = {}) =>
    opened.send(path, {
      method: 'POST',
      body: JSON.stringify({ name: 'test', url, event_types: types, ...patch }),
    });
  return { ...opened, create };
}

it('makes endpoints, lists them without their secret, and deletes them', async () => {
  const { create, send } = await open();
  const made = await create('https://hooks.example.com/secret');
  expect(made.body).toMatchObject({ object: 'webhook_endpoint', status: 'active' });
  expect(made.body.signing_secret).toMatch(/^whsec_/);
  const [listed, ...others] = (await send(path)).body.data;
  expect(others).toEqual([]);
  expect(listed).toMatchObject({ id: made.body.id, url: 'https://hooks.example.com/secret' });
  expect(JSON.stringify(listed)).not.toContain(made.body.signing_secret);
  const one = `${path}/${made.body.id}`;
  expect((await send(one, { method: 'DELETE' })).status).toBe(200);
  expect((await send(one, { method: 'DELETE' })).status).toBe(404);
  expect((await send(path)).body.data).toEqual([]);
});

it('refuses what the API refuses, with its codes', async () => {
  const { create } = await open({
    keys: [{ key: 'rvya_sk_test_0123456789abcdef', scopes: ['webhooks:manage'] }],
  });
  for (const url of [
    'http://example.com',
    'https://user:word@example.com',
    'https://example.com/#x',
    'https://10.0.0.1/',
    'https://[fd00::1]/',
    'no url',
  ]) {
    expect((await create(url)).body.error, url).toMatchObject({ code: 'webhook_url_rejected' });
  }
  const events = { event_types: ['chat.answered'] };
  expect((await create('https://example.com', events)).body.error.code).toBe('validation_failed');
});

it('asks for the scope webhooks:manage', async () => {
  const { send } = await open({ keys: [{ key: 'rvya_sk_test_0123456789abcdef', scopes: [] }] });
  expect((await send(path)).status).toBe(403);
});

it('tells of each task that is over, as it ended, and of a test', async () => {
  const { create, send, submit, simulator } = await open({ webhooks: { delayMs: 0 } });
  const { told, url } = await openReceiver();
  const { body } = await create(url);
  const first = await submit(fox);
  simulator.control({ faults: ['task-fails'] });
  const second = await submit(fox);
  await soon(() => expect(told).toHaveLength(2));
  expect(told.map(({ type, data }) => [type, data.id, data.status])).toEqual([
    ['generation.succeeded', first.body.id, 'succeeded'],
    ['generation.failed', second.body.id, 'failed'],
  ]);
  expect(new Set(told.map(({ id }) => id)).size).toBe(2);
  const test = await send(`${path}/${body.id}/test`, { method: 'POST' });
  expect(test.body).toMatchObject({ status: 'sent', response_status: 204 });
  expect(told[2].type).toBe('webhook.test');
  const [endpoint] = (await send(path)).body.data;
  expect(endpoint).toMatchObject({ failure_count: 0, last_success_at: expect.any(String) });
  expect(simulator.bill().events).toEqual({ delivered: 3, failed: 0, withheld: 0 });
});

it('loses some, and repeats some, as it is set; who refuses is counted', async () => {
  const webhooks = { share: 0.5, delayMs: 0, copies: 2 };
  const { create, send, submit, simulator } = await open({ webhooks });
  const { told, url } = await openReceiver(500);
  await create(url);
  for (let task = 0; task < 40; task += 1) await submit(fox);
  await soon(() => {
    const { failed, withheld } = simulator.bill().events;
    expect(failed / 2 + withheld).toBe(40);
  });
  const names = told.map(({ id }) => id);
  expect(names.length).toBe(2 * new Set(names).size);
  expect(names.length).toBeGreaterThan(20);
  expect(names.length).toBeLessThan(60);
  expect((await send(path)).body.data[0].failure_count).toBe(names.length);
});
