import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { FetchedSource } from '../../producer/options.js';
import { formatOf } from '../../producer/sources/source.js';
import { isUrl } from '../../shared/addresses.js';
import { BatchError } from '../../shared/errors.js';

const inputName = '.input';

/** Fetches a URL into a new file. */
type FetchFile = (url: string, path: string) => Promise<FetchedSource>;

/**
 * Copies a run's input into its folder, once, and returns the copies: a repetition after a crash reads what the first try
 * read, however the file has changed since (S1).
 * @throws BatchError `bad_input` for a URL that cannot be fetched, `output_unusable`
 */
export async function takeInput(
  files: string[],
  out: string,
  fetchFile: FetchFile,
): Promise<string[]> {
  const taken = inputFolder(out);
  if (!(await isThere(taken))) {
    const making = `${taken}.${randomBytes(4).toString('hex')}.part`;
    try {
      for (const [index, file] of files.entries()) {
        const place = join(making, String(index + 1));
        await mkdir(place, { recursive: true });
        if (isUrl(file)) await takeFetched(file, place, fetchFile);
        else await copyInput(file, join(place, basename(file)));
      }
      await rename(making, taken).catch(async (error: unknown) => {
        // Another worker that was at it too may have been first.
        if (!(await isThere(taken))) throw error;
      });
    } finally {
      await rm(making, { recursive: true, force: true });
    }
  }
  return Promise.all(files.map((_file, index) => onlyFileIn(join(taken, String(index + 1)))));
}

/** When everything is queued, the copy has done its service. */
export async function dropInput(out: string): Promise<void> {
  const names = await readdir(out).catch(() => []);
  // With what a crash in the middle of copying has left.
  const taken = names.filter((name) => name === inputName || name.startsWith(`${inputName}.`));
  for (const name of taken) await rm(join(out, name), { recursive: true, force: true });
}

/** Whether an earlier try has taken the input already. */
export function hasInput(out: string): Promise<boolean> {
  return isThere(inputFolder(out));
}

export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Under the name that it has there, and with an extension that says what it is: it is read again after a crash. */
async function takeFetched(url: string, place: string, fetchFile: FetchFile): Promise<void> {
  const path = join(place, '.fetched');
  const { name, format } = await fetchFile(url, path);
  const isSaid = format === null || formatOf(name) !== null;
  await rename(path, join(place, isSaid ? name : `${name}.${format}`));
}

function inputFolder(out: string): string {
  return join(out, inputName);
}

async function copyInput(from: string, to: string): Promise<void> {
  await copyFile(from, to).catch((error: NodeJS.ErrnoException) => {
    // Of the two sides only the reading one is the input's fault.
    const unreadable = ['EACCES', 'EPERM', 'EISDIR', 'ENOENT'].includes(error.code ?? '');
    if (!unreadable) throw error;
    throw new BatchError('bad_input', `${from} cannot be read (${error.code}).`, { cause: error });
  });
}

async function onlyFileIn(folder: string): Promise<string> {
  const [name = ''] = await readdir(folder);
  return join(folder, name);
}
