import { createHash } from 'node:crypto';
import type { Dispatcher } from 'undici';
import type { Deadline } from './deadline.js';
import type { DownloadOutcome } from './outcome.js';
import { mediaType } from './response-headers.js';
import { describeFailure, safeCause } from './transport-failure.js';

/** Takes one chunk; the next is read when it has resolved. What it throws ends the download and is passed on. */
export type WriteChunk = (chunk: Buffer) => Promise<void>;

export interface SaveOptions {
  write: WriteChunk;
  maxBytes: number;
  idle: Deadline;
  idleTimeoutMs: number;
}

/** Streams a body to `write`, hashing it on the way; only errors of `write` are thrown. */
export async function saveBody(
  { body, headers }: Dispatcher.ResponseData,
  { write, maxBytes, idle, idleTimeoutMs }: SaveOptions,
): Promise<DownloadOutcome> {
  const hash = createHash('sha256');
  let bytes = 0;
  const chunks = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      idle.arm(idleTimeoutMs);
      const next = await readNext(chunks);
      // Our disk's time is not the server's.
      idle.disarm();
      if (next.kind === 'broken') return unavailable(next.error);
      if (next.kind === 'end') break;
      bytes += next.chunk.length;
      if (bytes > maxBytes) return { kind: 'too_large', maxBytes };
      await write(next.chunk);
      hash.update(next.chunk);
    }
  } finally {
    await chunks.return?.();
  }
  if (bytes === 0) {
    return { kind: 'unavailable', reason: 'The file is empty.', retryAfterMs: null, cause: null };
  }
  return { kind: 'saved', bytes, sha256: hash.digest('hex'), declaredType: mediaType(headers) };
}

type Next = { kind: 'chunk'; chunk: Buffer } | { kind: 'end' } | { kind: 'broken'; error: unknown };

async function readNext(chunks: AsyncIterator<Buffer>): Promise<Next> {
  try {
    const { done, value } = await chunks.next();
    return done ? { kind: 'end' } : { kind: 'chunk', chunk: value };
  } catch (error) {
    return { kind: 'broken', error };
  }
}

function unavailable(error: unknown): DownloadOutcome {
  return {
    kind: 'unavailable',
    reason: `The file did not arrive whole: ${describeFailure(error)}.`,
    retryAfterMs: null,
    cause: safeCause(error),
  };
}
