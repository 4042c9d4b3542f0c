import { pipeline, Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import type { ResponseHeaders } from './response-headers.js';

/** Codings of a body in the order in which they were applied; what is none (`aws-chunked`, `UTF-8`) changes nothing. */
type Coding = 'gzip' | 'deflate' | 'br';

const codings = new Map<string, Coding>([
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
  ['br', 'br'],
]);

function codingsOf(headers: ResponseHeaders): Coding[] {
  const tokens = [headers['content-encoding'] ?? []].flat().join(',').split(',');
  return tokens.flatMap((token) => codings.get(token.trim().toLowerCase()) ?? []);
}

/**
 * The bytes of the file itself, whatever coding they came in: nobody asks for one, and some hosts apply one all the
 * same. A body that only claims to be gzip, as a wrong setting of a bucket makes it, is taken as it is.
 */
export async function* decodeBody(
  chunks: AsyncIterable<Buffer>,
  headers: ResponseHeaders,
): AsyncGenerator<Buffer> {
  const applied = codingsOf(headers);
  if (applied.length === 0) return yield* chunks;
  const source = chunks[Symbol.asyncIterator]();
  const first = await source.next();
  if (first.done) return;
  const outermost = applied.at(-1);
  if (outermost === 'gzip' && first.value[0] !== 0x1f) applied.pop();
  const decoders = applied
    .toReversed()
    .map((coding, index) => decoderOf(coding, index === 0 ? first.value : null));
  const whole = Readable.from(startingWith(first.value, source));
  // How it ends is told to whoever reads from the last of them.
  yield* decoders.reduce<Readable>((from, to) => pipeline(from, to, () => undefined), whole);
}

async function* startingWith(first: Buffer, source: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* { [Symbol.asyncIterator]: () => source };
}

function decoderOf(coding: Coding, start: Buffer | null): Transform {
  switch (coding) {
    case 'gzip':
      return createGunzip();
    case 'deflate':
      // `deflate` means the zlib format; some servers send the bare one.
      return start !== null && ((start[0] ?? 0) & 0x0f) !== 8
        ? createInflateRaw()
        : createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      return coding satisfies never;
  }
}
