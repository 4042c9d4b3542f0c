import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, readdir, readFile, rename, rm, unlink } from 'node:fs/promises';
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

/** What the name of a note begins with that says which ETag a file of a bucket had, and its hash. */
export const etagHead = '.etag-';

/** So long after it was fetched last, a file goes that nobody needs: an input is fetched anew whenever it is given. */
const keptMs = 7 * 24 * 60 * 60_000;
/** A fetch takes ten minutes at most. */
const partKeptMs = 24 * 60 * 60_000;
const namesAtOnce = 500;

/**
 * Takes away what was fetched for batches that are done with, and remains of fetches that were cut off.
 * @param isNeeded says of hashes which of them belong to files that may still be uploaded
 */
export async function sweepFetched(
  folder: string,
  {
    nowMs,
    isNeeded,
  }: {
    nowMs: number;
    isNeeded(sha256s: readonly string[]): Promise<ReadonlySet<string>>;
  },
): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const isOld = async (name: string, ms: number) => {
    const stats = await lstat(join(folder, name)).catch(() => null);
    return stats?.isFile() === true && nowMs - stats.mtimeMs >= ms;
  };
  const drop = (name: string) => unlink(join(folder, name)).catch(() => undefined);
  const old: string[] = [];
  const kept = new Set(names);
  for (const name of names) {
    if (/^[\da-f]{64}$/.test(name) && (await isOld(name, keptMs))) old.push(name);
    else if (/^\.[\da-f]{16}\.part$/.test(name) && (await isOld(name, partKeptMs))) {
      await drop(name);
    }
  }
  for (let at = 0; at < old.length; at += namesAtOnce) {
    const some = old.slice(at, at + namesAtOnce);
    const needed = await isNeeded(some);
    for (const name of some) {
      // Fetched again since it was looked at, it is young.
      if (!needed.has(name) && (await isOld(name, keptMs))) {
        await drop(name);
        kept.delete(name);
      }
    }
  }
  for (const name of names) {
    if (!name.startsWith(etagHead) || !(await isOld(name, keptMs))) continue;
    const note = await readFile(join(folder, name), 'utf8').catch(() => '');
    if (!kept.has(note.slice(0, 64))) await drop(name);
  }
}

/** The last part of a path, made safe. */
export function safeBaseName(path: string): string {
  const last = path.split('/').at(-1) ?? '';
  return last.replace(/[^\w.-]+/g, '_').slice(-100) || 'reference';
}
