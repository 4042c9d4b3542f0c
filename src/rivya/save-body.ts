import { createHash } from 'node:crypto';
import type { Dispatcher } from 'undici';
import { decodeBody } from './decode-body.js';
import type { DownloadOutcome } from './outcome.js';
import type { Patience } from './patience.js';
import { mediaType } from './response-headers.js';
import { describeFailure, safeCause } from './transport-failure.js';

/** Takes one chunk; the next is read when it has resolved. What it throws ends the download and is passed on. */
export type WriteChunk = (chunk: Buffer) => Promise<void>;

export interface SaveOptions {
  write: WriteChunk;
  /** Of the file, which may be larger than what came. */
  maxBytes: number;
  patience: Patience;
}

/** Streams a body to `write`, decoded, hashing it on the way; only errors of `write` are thrown. */
export async function saveBody(
  { body, headers }: Dispatcher.ResponseData,
  { write, maxBytes, patience }: SaveOptions,
): Promise<DownloadOutcome> {
  const hash = createHash('sha256');
  let bytes = 0;
  const chunks = decodeBody(timed(body, patience), headers);
  try {
    for (;;) {
      const next = await readNext(chunks);
      if (next.kind === 'broken') return unavailable(next.error);
      if (next.kind === 'end') break;
      bytes += next.chunk.length;
      if (bytes > maxBytes) return { kind: 'too_large', maxBytes };
      await write(next.chunk);
      hash.update(next.chunk);
    }
  } finally {
    // First of all the connection: whoever still reads from it finds its end. undici reports that as an error.
    body.on('error', () => undefined).destroy();
    await chunks.return(undefined).catch(() => undefined);
  }
  if (bytes === 0) {
    return { kind: 'unavailable', reason: 'The file is empty.', retryAfterMs: null, cause: null };
  }
  return { kind: 'saved', bytes, sha256: hash.digest('hex'), declaredType: mediaType(headers) };
}

/** Only what the server takes is its time: whoever asks for the next chunk has done with the last one. */
async function* timed(body: AsyncIterable<Buffer>, patience: Patience): AsyncGenerator<Buffer> {
  patience.begin();
  for await (const chunk of body) {
    patience.rest(chunk.length);
    yield chunk;
    patience.begin();
  }
  patience.rest();
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
