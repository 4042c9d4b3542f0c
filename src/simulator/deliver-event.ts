import type { JsonObject } from '../shared/json.js';
import { describeTask } from './read-generation.js';
import type { SimulatedApi } from './simulated-api.js';
import type { SimulatedTask } from './task-book.js';
import type { EventType, WebhookEndpoint } from './webhook-book.js';

const apiVersion = '2026-05-11';
const timeoutMs = 5_000;

/** A task was made: at its end, whoever wants to know is told. Tasks that never end are told to nobody. */
export function announceEnd(api: SimulatedApi, task: SimulatedTask): void {
  const { webhooks } = api.history;
  const { share, delayMs, copies } = api.settings.webhooks;
  if (!Number.isFinite(task.endsAt) || webhooks.all().length === 0) return;
  webhooks.later(task.endsAt - api.clock.now() + delayMs, () => {
    const body = describeTask(api, task, { now: api.clock.now(), origin: null });
    const type: EventType = body.status === 'failed' ? 'generation.failed' : 'generation.succeeded';
    for (const endpoint of webhooks.all()) {
      if (!endpoint.eventTypes.includes(type) || !webhooks.drawArrives(share)) continue;
      const event = eventOf(api, type, body);
      for (let copy = 0; copy < copies; copy += 1) void deliver(api, endpoint, event);
    }
  });
}

/** What `POST /webhooks/:id/test` sends: its shape is assumed. @returns the status of the answer, null for none */
export function deliverTest(api: SimulatedApi, endpoint: WebhookEndpoint): Promise<number | null> {
  return deliver(api, endpoint, eventOf(api, 'webhook.test', {}));
}

/** How the generation is wrapped was never documented: `data` is assumed. */
function eventOf(api: SimulatedApi, type: string, body: Record<string, unknown>): JsonObject {
  return {
    id: api.nextId('evt'),
    type,
    api_version: apiVersion,
    created_at: new Date(api.clock.now()).toISOString(),
    data: body as JsonObject,
  };
}

async function deliver(
  api: SimulatedApi,
  endpoint: WebhookEndpoint,
  event: JsonObject,
): Promise<number | null> {
  const { webhooks } = api.history;
  try {
    const answer = await fetch(endpoint.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(event),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    await answer.body?.cancel();
    webhooks.note(endpoint, answer.ok ? 'delivered' : 'failed', api.clock.now());
    return answer.status;
  } catch {
    webhooks.note(endpoint, 'failed', api.clock.now());
    return null;
  }
}
