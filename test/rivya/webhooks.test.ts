import { describe, expect, it, onTestFinished } from 'vitest';
import { startSimulator } from '../../src/simulator/start-simulator.js';
import { newClient } from './new-client.js';
import { startServer } from './stand-in-server.js';

/** A client of an API that answers so. */
async function answering(status: number, body: string) {
  const server = await startServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  return { ...server, webhooks: newClient(server.origin).webhooks };
}

const entry = { id: 'whend_1', name: 'a', url: 'https://example.com/x', failure_count: 2 };
const read = {
  ...{ id: 'whend_1', name: 'a', url: 'https://example.com/x', failures: 2 },
  ...{ eventTypes: [], status: null, lastSuccessAt: null, lastFailureAt: null },
};

describe('a list, whose shape nobody documents', () => {
  it.each([
    ['data', JSON.stringify({ object: 'list', data: [entry, { name: 'no id' }, null] })],
    ['the list itself', JSON.stringify([entry])],
  ])('is read from %s', async (_where, body) => {
    const { webhooks, seen } = await answering(200, body);
    expect(await webhooks.list()).toEqual({ kind: 'answered', content: [read] });
    expect(seen[0]).toMatchObject({ method: 'GET', url: '/api/v1/webhooks' });
  });

  it('is none of anything else', async () => {
    const { webhooks } = await answering(200, '{"webhooks":7}');
    expect(await webhooks.list()).toMatchObject({ kind: 'unknown' });
  });
});

it('is deleted and tested where the API says nothing more than a success', async () => {
  const { webhooks, seen } = await answering(204, '');
  expect(await webhooks.delete('whend_1/..?x')).toEqual({ kind: 'answered', content: 'deleted' });
  expect(await webhooks.test('whend_1')).toEqual({ kind: 'answered', content: 'asked' });
  expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'DELETE /api/v1/webhooks/whend_1%2F..%3Fx',
    'POST /api/v1/webhooks/whend_1/test',
  ]);
});

it('is made for both events, and its secret is said once', async () => {
  const simulator = await startSimulator();
  onTestFinished(() => simulator.close());
  const { webhooks } = newClient(simulator.origin);
  const made = await webhooks.create({ name: 'a', url: 'https://example.com/x' });
  expect(made).toMatchObject({
    kind: 'answered',
    content: {
      signingSecret: expect.stringMatching(/^whsec_/),
      eventTypes: ['generation.succeeded', 'generation.failed'],
    },
  });
  const listed = await webhooks.list();
  expect(JSON.stringify(listed)).not.toContain('whsec_');
  expect(await webhooks.create({ name: 'a', url: 'http://example.com' })).toMatchObject({
    kind: 'refused',
    refusal: { code: 'webhook_url_rejected' },
  });
});
