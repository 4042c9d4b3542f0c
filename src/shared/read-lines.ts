import { open } from 'node:fs/promises';

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
const newline = 0x0a;

/** The lines of a file with their places, in constant memory; nothing where the file does not exist. */
export async function* readLines(path: string, fromOffset = 0): AsyncGenerator<FileLine> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (!file) return;
  try {
    let rest: Buffer = Buffer.alloc(0);
    let offset = fromOffset;
    for (;;) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const { bytesRead } = await file.read(chunk, 0, chunkBytes, offset + rest.length);
      if (bytesRead === 0) break;
      const buffer = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      let start = 0;
      for (let end = buffer.indexOf(newline); end >= 0; end = buffer.indexOf(newline, start)) {
        const length = end + 1 - start;
        yield { text: buffer.toString('utf8', start, end), offset, length, end: 'newline' };
        offset += length;
        start = end + 1;
      }
      rest = buffer.subarray(start);
    }
    if (rest.length > 0) {
      yield { text: rest.toString('utf8'), offset, length: rest.length, end: 'torn' };
    }
  } finally {
    await file.close();
  }
}
