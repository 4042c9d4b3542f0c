import type { FastifyInstance, FastifyRequest } from 'fastify';
import { errorAnswer } from '../answer.js';
import { deliverTest } from '../deliver-event.js';
import { notFound } from '../read-generation.js';
import type { SimulatedApi } from '../simulated-api.js';
import { readWebhook, type WebhookEndpoint } from '../webhook-book.js';
import { addApiRoute } from './call.js';

const path = '/api/v1/webhooks';

/** GET and POST /webhooks, DELETE /webhooks/:id and POST /webhooks/:id/test. Shapes of lists and of tests are assumed. */
export function addWebhookRoutes(server: FastifyInstance, api: SimulatedApi): void {
  addApiRoute(server, api, {
    method: 'GET',
    path,
    endpoint: 'webhooks',
    answer: () => {
      const data = api.history.webhooks.all().map(describe);
      return { kind: 'json', status: 200, body: { object: 'list', data } };
    },
  });
  addApiRoute(server, api, {
    method: 'POST',
    path,
    endpoint: 'webhooks',
    answer: ({ request }) => {
      const asked = readWebhook(parseBody(request));
      if (asked.kind === 'refused') {
        const { code, message } = asked;
        return errorAnswer({ status: 400, code, message, requestId: api.nextId('req') });
      }
      const made = { id: api.nextId('whend'), now: api.clock.now() };
      const endpoint = api.history.webhooks.add(asked, made);
      const body = { ...describe(endpoint), signing_secret: endpoint.secret };
      return { kind: 'json', status: 200, body };
    },
  });
  addApiRoute(server, api, {
    method: 'DELETE',
    path: `${path}/:id`,
    endpoint: 'webhooks',
    answer: ({ request }) => {
      const id = idOf(request);
      if (!api.history.webhooks.delete(id)) return notFound(api, id);
      const body = { id, object: 'webhook_endpoint', deleted: true };
      return { kind: 'json', status: 200, body };
    },
  });
  addApiRoute(server, api, {
    method: 'POST',
    path: `${path}/:id/test`,
    endpoint: 'webhooks',
    answer: async ({ request }) => {
      const endpoint = api.history.webhooks.find(idOf(request));
      if (!endpoint) return notFound(api, idOf(request));
      const status = await deliverTest(api, endpoint);
      const body = { object: 'webhook_delivery', status: status === null ? 'failed' : 'sent' };
      return { kind: 'json', status: 200, body: { ...body, response_status: status } };
    },
  });
}

function describe(endpoint: WebhookEndpoint): Record<string, unknown> {
  const { id, name, url, eventTypes, secret, createdAt, failures } = endpoint;
  const created = timeText(createdAt);
  return {
    ...{ id, object: 'webhook_endpoint', name, url, event_types: eventTypes, status: 'active' },
    secret_preview: `${secret.slice(0, 8)}...${secret.slice(-6)}`,
    last_success_at: timeText(endpoint.lastSuccessAt),
    last_failure_at: timeText(endpoint.lastFailureAt),
    failure_count: failures,
    ...{ created_at: created, updated_at: created, disabled_at: null, revoked_at: null },
  };
}

function timeText(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

function parseBody(request: FastifyRequest): unknown {
  try {
    return JSON.parse(String(request.body));
  } catch {
    return null;
  }
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}
