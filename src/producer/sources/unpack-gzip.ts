import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { sourceFault } from './source.js';
import { UnpackedBytes } from './unpacked-bytes.js';

/**
 * Unpacks a file into a new one, which is read as often as it is needed.
 *
 * @throws BatchError `bad_input` for one that is cut, damaged, or unpacks to more than it should; errors of the disk as
 * they are
 */
export async function unpackGzip(
  { label, path }: { label: string; path: string },
  to: string,
): Promise<void> {
  const { size } = await stat(path);
  const unpacked = new UnpackedBytes(label, size);
  try {
    await pipeline(
      createReadStream(path),
      createGunzip(),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          unpacked.add(chunk.length);
          yield chunk;
        }
      },
      createWriteStream(to, { flags: 'wx', mode: 0o600 }),
    );
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'Z_BUF_ERROR') {
      throw sourceFault(
        label,
        'ends in the middle: it was not copied completely; copy or download it again',
        error,
      );
    }
    if (code.startsWith('Z_'))
      throw sourceFault(
        label,
        'is damaged (not readable as gzip): copy or download it again',
        error,
      );
    throw error;
  }
}
