import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchError } from '../../shared/errors.js';
import { type FoundReference, lookAtFile } from './files.js';

/** Of a reference that is fetched. */
export const mostBytes = 100_000_000;
export const tooLarge = `is larger than ${mostBytes / 1e6} MB`;

/**
 * Keeps what `fetch` writes in `folder`, under its hash. `fetch` says what came of it: null for all of it, else why not.
 * @throws BatchError `output_unusable` where nothing can be kept there
 */
export async function keepFetched(
  folder: string,
  name: string,
  fetch: (write: (chunk: Buffer) => Promise<void>) => Promise<FoundReference | null>,
): Promise<FoundReference> {
  const part = join(folder, `.${randomBytes(8).toString('hex')}.part`);
  const handle = await mkdir(folder, { recursive: true, mode: 0o700 })
    .then(() => open(part, 'wx', 0o600))
    .catch((cause: unknown) => {
      const sentence = `References cannot be kept in ${folder} (RIVYA_BATCH_HOME).`;
      throw new BatchError('output_unusable', sentence, { cause });
    });
  try {
    const failed = await fetch((chunk) => handle.appendFile(chunk)).finally(() => handle.close());
    if (failed !== null) return failed;
    const found = await lookAtFile(part, safeBaseName(name));
    if (found.kind === 'unusable') return found;
    const path = join(folder, found.file.sha256);
    await rename(part, path);
    return { kind: 'file', file: { ...found.file, path } };
  } finally {
    await rm(part, { force: true });
  }
}

/** The last part of a path, made safe. */
export function safeBaseName(path: string): string {
  const last = path.split('/').at(-1) ?? '';
  return last.replace(/[^\w.-]+/g, '_').slice(-100) || 'reference';
}
