import { randomBytes } from 'node:crypto';
import { isPublicAddress } from '../rivya/safe-url.js';
import { RandomStream } from './random-stream.js';

const eventTypes = ['generation.succeeded', 'generation.failed'] as const;
export type EventType = (typeof eventTypes)[number];

export interface WebhookEndpoint {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly eventTypes: readonly EventType[];
  readonly secret: string;
  readonly createdAt: number;
  lastSuccessAt: number | null;
  lastFailureAt: number | null;
  failures: number;
}

/** What was asked for, or why it cannot be had: with the documented code. */
export type WebhookAsked =
  | { kind: 'asked'; name: string; url: string; eventTypes: readonly EventType[] }
  | { kind: 'refused'; code: 'validation_failed' | 'webhook_url_rejected'; message: string };

export function readWebhook(body: unknown): WebhookAsked {
  const { name, url, event_types: types } = (body ?? {}) as Record<string, unknown>;
  const refused = (message: string) =>
    ({ kind: 'refused', code: 'validation_failed', message }) as const;
  if (typeof name !== 'string' || name === '') return refused('name: required.');
  if (typeof url !== 'string') return refused('url: required.');
  const wanted = eventTypes.filter((type) => Array.isArray(types) && types.includes(type));
  if (!Array.isArray(types) || wanted.length !== types.length || wanted.length === 0) {
    return refused(`event_types: some of ${eventTypes.join(', ')}.`);
  }
  if (!mayBeCalled(url)) {
    const message = 'The URL must be public https, without credentials or a fragment.';
    return { kind: 'refused', code: 'webhook_url_rejected', message };
  }
  return { kind: 'asked', name, url, eventTypes: wanted };
}

/** As the API does it; but this machine may be called, for it is where the simulator is tried. */
function mayBeCalled(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, hash } = new URL(text);
  if (username !== '' || password !== '' || hash !== '') return false;
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (['localhost', '127.0.0.1', '::1'].includes(host)) return /^https?:$/.test(protocol);
  const isAddress = /^[\d.]+$|:/.test(host);
  return protocol === 'https:' && (!isAddress || isPublicAddress(host));
}

/** The account's endpoints, and what was sent to them. */
export class WebhookBook {
  readonly #endpoints = new Map<string, WebhookEndpoint>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #draws: RandomStream;
  /** Deliveries by what came of them. */
  readonly sent = { delivered: 0, failed: 0, withheld: 0 };

  constructor(seed: number) {
    this.#draws = new RandomStream(seed, 'webhooks');
  }

  add(
    asked: Extract<WebhookAsked, { kind: 'asked' }>,
    { id, now }: { id: string; now: number },
  ): WebhookEndpoint {
    const { name, url, eventTypes: types } = asked;
    const secret = `whsec_${randomBytes(24).toString('base64url')}`;
    const unused = { lastSuccessAt: null, lastFailureAt: null, failures: 0 };
    const endpoint = { ...{ id, name, url, eventTypes: types, secret, createdAt: now }, ...unused };
    this.#endpoints.set(id, endpoint);
    return endpoint;
  }

  find(id: string): WebhookEndpoint | undefined {
    return this.#endpoints.get(id);
  }

  delete(id: string): boolean {
    return this.#endpoints.delete(id);
  }

  all(): WebhookEndpoint[] {
    return [...this.#endpoints.values()];
  }

  /** Whether the next delivery of a share is one that arrives. */
  drawArrives(share: number): boolean {
    const arrives = this.#draws.next() < share;
    if (!arrives) this.sent.withheld += 1;
    return arrives;
  }

  note(endpoint: WebhookEndpoint, outcome: 'delivered' | 'failed', now: number): void {
    this.sent[outcome] += 1;
    if (outcome === 'delivered') endpoint.lastSuccessAt = now;
    else {
      endpoint.lastFailureAt = now;
      endpoint.failures += 1;
    }
  }

  /** Unless it is closed before. Keeps no process alive. */
  later(afterMs: number, act: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        act();
      },
      Math.max(0, afterMs),
    ).unref();
    this.#timers.add(timer);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
