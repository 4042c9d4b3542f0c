import { createHash } from 'node:crypto';
import type { Answer } from './answer.js';

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
