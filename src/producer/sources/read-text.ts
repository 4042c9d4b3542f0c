import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { lineAtByte, type Source, sourceFault } from './source.js';

const BYTES_PER_READ = 256 * 1024;
const LINE_FEED = 10;

/**
 * The bytes of a source without its byte order mark, in pieces that end between characters,
 * each proved to be UTF-8 text.
 *
 * @throws BatchError `bad_input` naming the line of the first byte that is not.
 */
export async function* readText(source: Source): AsyncGenerator<Buffer> {
  const stream = createReadStream(source.path, {
    start: source.skipBytes,
    highWaterMark: BYTES_PER_READ,
  });
  let position = source.skipBytes;
  let unfinished: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    const read = chunk as Buffer;
    const bytes = unfinished.length === 0 ? read : Buffer.concat([unfinished, read]);
    const end = bytes.length - unfinishedBytes(bytes);
    const whole = bytes.subarray(0, end);
    await proveText(whole, position, source);
    unfinished = bytes.subarray(end);
    position += end;
    yield whole;
  }
  await proveText(unfinished, position, source);
}

/**
 * `position` is where the bytes stand in the file.
 *
 * @throws BatchError `bad_input` naming the line of the first byte that is not UTF-8 text.
 */
export async function proveText(bytes: Buffer, position: number, source: Source): Promise<void> {
  const zero = bytes.indexOf(0);
  if (zero >= 0) {
    const line = await lineAtByte(source, position + zero);
    throw sourceFault(source.label, `is not UTF-8 text: there is a zero byte in line ${line}`);
  }
  if (isUtf8(bytes)) return;
  const line = await lineAtByte(source, position + firstBadLine(bytes));
  throw sourceFault(
    source.label,
    `is not UTF-8 text (see line ${line}); save it as UTF-8, in Excel as "CSV UTF-8"`,
  );
}

/** Offset of the first line that is not UTF-8. */
function firstBadLine(bytes: Buffer): number {
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(LINE_FEED, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return start;
    start = end + 1;
  }
}

/** How many bytes at the end begin a character that is not finished: 0 to 3. */
function unfinishedBytes(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? back : 0;
  }
  return 0;
}
