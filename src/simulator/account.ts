import { createHash } from 'node:crypto';
import type { Answer } from './answer.js';
import type { Endpoint } from './endpoint.js';

/** The account's credits, shared by all keys. May go below zero when a task settles above its price. */
export class Wallet {
  #balance: number;

  constructor(balance: number) {
    this.#balance = balance;
  }

  get balance(): number {
    return this.#balance;
  }

  covers(credits: number): boolean {
    return this.#balance >= credits;
  }

  add(credits: number): void {
    this.#balance += credits;
  }

  set(credits: number): void {
    this.#balance = credits;
  }
}

export interface LoggedRequest {
  /** Milliseconds since the epoch, of arrival. */
  at: number;
  endpoint: Endpoint;
  /** Null while it is not answered. */
  status: number | 'dropped' | null;
}

/** Every request but those of the control endpoints, in order of arrival. */
export class RequestLog {
  readonly #requests: LoggedRequest[] = [];

  arrive(endpoint: Endpoint, at: number): LoggedRequest {
    const request: LoggedRequest = { at, endpoint, status: null };
    this.#requests.push(request);
    return request;
  }

  all(): readonly LoggedRequest[] {
    return this.#requests;
  }

  /** Counts by endpoint, then by status. */
  counts(): Record<string, Record<string, number>> {
    const counts: Record<string, Record<string, number>> = {};
    for (const { endpoint, status } of this.#requests) {
      counts[endpoint] ??= {};
      const byStatus = counts[endpoint];
      const word = String(status ?? 'unanswered');
      byStatus[word] = (byStatus[word] ?? 0) + 1;
    }
    return counts;
  }

  /** The most requests to the API (downloads are none) in any span of `windowMs`, refused ones included. */
  maxInWindow(windowMs: number): number {
    const times = this.#requests.filter(isApiRequest).map(({ at }) => at);
    let most = 0;
    let first = 0;
    times.forEach((at, last) => {
      while ((times[first] ?? at) <= at - windowMs) first += 1;
      most = Math.max(most, last - first + 1);
    });
    return most;
  }
}

function isApiRequest({ endpoint }: LoggedRequest): boolean {
  return endpoint !== 'download';
}

interface Stored {
  answer: Answer;
  bodyHash: string;
  storedAt: number;
}

export type Lookup =
  | { kind: 'new' }
  /** Seen before with the same bytes: what was answered then. */
  | { kind: 'same'; answer: Answer }
  /** Seen before with other bytes. */
  | { kind: 'other-body' };

/** Answers by Idempotency-Key, over the whole account. Bodies are compared byte for byte. */
export class IdempotencyStore {
  readonly #stored = new Map<string, Stored>();

  look(key: string, body: string, oldestStoredAt: number): Lookup {
    const stored = this.#stored.get(key);
    if (!stored || stored.storedAt < oldestStoredAt) return { kind: 'new' };
    if (stored.bodyHash !== hashOf(body)) return { kind: 'other-body' };
    return { kind: 'same', answer: stored.answer };
  }

  keep(key: string, body: string, entry: { answer: Answer; storedAt: number }): void {
    this.#stored.set(key, { ...entry, bodyHash: hashOf(body) });
  }
}

function hashOf(body: string): string {
  return createHash('sha256').update(body).digest('base64');
}
