import { createHash } from 'node:crypto';

/** The POST of one attempt: fixed before the first send and never changed (S1). */
export interface FrozenRequest {
  idempotencyKey: string;
  /** The exact JSON text that is sent, byte for byte, every time. */
  body: string;
}

export interface Attempt {
  batch: string;
  briefId: string;
  /** From 1; raised only as S1 allows. */
  attempt: number;
  body: string;
  /** Empty unless `--fresh` asked for a new start; then kept for the batch's life. */
  nonce: string;
}

/**
 * The key of one attempt: 44 characters of `[a-z0-9-]`, from batch, brief, attempt and content alone,
 * so that a lost Redis or a second machine arrives at the same key (S1).
 */
export function idempotencyKey({ batch, briefId, attempt, body, nonce }: Attempt): string {
  const hash = createHash('sha256');
  for (const part of [nonce, batch, briefId, String(attempt), body]) {
    // The length in front keeps ('a', 'bc') and ('ab', 'c') apart.
    hash.update(`${Buffer.byteLength(part)}:`).update(part);
  }
  return `rvb-${hash.digest('hex').slice(0, 40)}`;
}
