import { type FileHandle, open, stat } from 'node:fs/promises';
import { BatchError } from './errors.js';

export interface FileLine {
  text: string;
  /** In bytes. */
  offset: number;
  /** In bytes, with the newline if there is one. */
  length: number;
  /** A last line without a newline was cut off while it was written. */
  end: 'newline' | 'torn';
}

const chunkBytes = 256 * 1024;
export const newline = 0x0a;
/** No line of ours comes near it: what is longer is a file of another kind. */
const longestBytes = 64 * 1024 * 1024;

/**
 * The lines of a file with their places, in constant memory; nothing where the file does not exist.
 * @throws BatchError `batch_conflict` for a line that is longer than any of ours
 */
export async function* readLines(path: string, fromOffset = 0): AsyncGenerator<FileLine> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (!file) return;
  try {
    // Of the line that is being read: put together once, and only what is new is looked through.
    let rest: Buffer[] = [];
    let restBytes = 0;
    let offset = fromOffset;
    for (;;) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const { bytesRead } = await file.read(chunk, 0, chunkBytes, offset + restBytes);
      if (bytesRead === 0) break;
      const bytes = chunk.subarray(0, bytesRead);
      let start = 0;
      for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
        const line = Buffer.concat([...rest, bytes.subarray(start, end)]);
        yield { text: line.toString('utf8'), offset, length: line.length + 1, end: 'newline' };
        offset += line.length + 1;
        start = end + 1;
        rest = [];
        restBytes = 0;
      }
      rest.push(bytes.subarray(start));
      restBytes += bytesRead - start;
      if (restBytes > longestBytes) throw notLines(path);
    }
    if (restBytes > 0) {
      const text = Buffer.concat(rest).toString('utf8');
      yield { text, offset, length: restBytes, end: 'torn' };
    }
  } finally {
    await file.close();
  }
}

function notLines(path: string): BatchError {
  return new BatchError(
    'batch_conflict',
    `${path} was not written by rivya-batch: a line of it has more than ${longestBytes} bytes. Give another folder, or move the file away.`,
  );
}

/** Whether whoever wrote to a file last was cut off in the middle of a line: what comes next begins with a newline. */
export async function endsTorn(file: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return false;
  const { bytesRead, buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return bytesRead === 1 && buffer[0] !== newline;
}

/** Appends whole lines: what was cut off before stays a row of its own, which nobody can read. */
export async function appendLines(file: FileHandle, lines: string): Promise<void> {
  const { size } = await file.stat();
  await file.appendFile((await endsTorn(file, size)) ? `\n${lines}` : lines);
}

/** What comes one by one, in lists of at most `size`. */
export async function* inChunks<T>(source: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of source) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

/** How long a file is; 0 for one that is not there. */
export async function bytesOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return 0;
      throw error;
    },
  );
}
