import type { ApiCaller } from './api-caller.js';
import type { Refused, Unknown, Unreachable } from './outcome.js';
import { asList, asNumber, asRecord, asText } from './parse.js';

/** An endpoint that the API tells of tasks that are over; null where it does not say. */
export interface Webhook {
  id: string;
  name: string | null;
  /** Where its path is what guards a receiver, it is a secret (S8). */
  url: string | null;
  eventTypes: string[];
  status: string | null;
  lastSuccessAt: string | null;
  lastFailureAt: string | null;
  failures: number | null;
}

/** With what its events are signed: said once, when it is made, and kept nowhere (S8). */
export type MadeWebhook = Webhook & { signingSecret: string | null };

type WebhookOutcome<Content> =
  | { kind: 'answered'; content: Content }
  | Refused
  | Unknown
  | Unreachable;

/** The account's webhooks. Nothing of it is paid, and nothing is sent twice. */
export interface WebhookClient {
  list(): Promise<WebhookOutcome<Webhook[]>>;
  create(asked: { name: string; url: string }): Promise<WebhookOutcome<MadeWebhook>>;
  delete(id: string): Promise<WebhookOutcome<'deleted'>>;
  /** Lets the API send an event to it; the shape of its answer is not documented. */
  test(id: string): Promise<WebhookOutcome<'asked'>>;
}

/** All that there are, and all that anybody here listens to. */
const eventTypes = ['generation.succeeded', 'generation.failed'];
const webhooksPath = '/api/v1/webhooks';

export function webhookClient(call: ApiCaller, authorization: string): WebhookClient {
  async function ask<Content>(
    request: { method: 'GET' | 'POST' | 'DELETE'; path: string; body?: unknown },
    parse: (json: unknown) => Content | null,
    wanted: string,
  ): Promise<WebhookOutcome<Content>> {
    const { method, path, body } = request;
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    const type: Record<string, string> =
      body === undefined ? {} : { 'content-type': 'application/json' };
    const headers = { authorization, ...type };
    const outcome = await call.send({ method, path, headers, ...json }, parse, wanted, undefined);
    return outcome.kind === 'understood' ? { kind: 'answered', content: outcome.content } : outcome;
  }
  const pathOf = (id: string) => `${webhooksPath}/${encodeURIComponent(id)}`;
  return {
    list: () => ask({ method: 'GET', path: webhooksPath }, parseWebhooks, 'a list of webhooks'),
    create: ({ name, url }) => {
      const body = { name, url, event_types: eventTypes };
      return ask({ method: 'POST', path: webhooksPath, body }, parseMade, 'a webhook with an id');
    },
    // Whatever a success says, if anything.
    delete: (id) => ask({ method: 'DELETE', path: pathOf(id) }, () => 'deleted' as const, ''),
    test: (id) => ask({ method: 'POST', path: `${pathOf(id)}/test` }, () => 'asked' as const, ''),
  };
}

/** The shape of the list was never documented: `{"data":[...]}`, as of the models, or the list itself. */
function parseWebhooks(json: unknown): Webhook[] | null {
  const list = Array.isArray(json) ? json : asRecord(json)?.data;
  if (!Array.isArray(list)) return null;
  return list.map(parseWebhook).filter((webhook) => webhook !== null);
}

function parseMade(json: unknown): MadeWebhook | null {
  const body = asRecord(json);
  // Some of this API's answers wrap what they name.
  const made = asRecord(body?.data) ?? body;
  const webhook = parseWebhook(made);
  return webhook && { ...webhook, signingSecret: asText(made?.signing_secret) };
}

function parseWebhook(value: unknown): Webhook | null {
  const entry = asRecord(value);
  const id = asText(entry?.id);
  if (entry === null || id === null) return null;
  return {
    id,
    name: asText(entry.name),
    url: asText(entry.url),
    eventTypes: asList(entry.event_types)
      .map(asText)
      .filter((type) => type !== null),
    status: asText(entry.status),
    lastSuccessAt: asText(entry.last_success_at),
    lastFailureAt: asText(entry.last_failure_at),
    failures: asNumber(entry.failure_count),
  };
}
