import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FetchedSource } from '../../producer/options.js';
import { formatOf } from '../../producer/sources/source.js';
import { type Mirror, mirrorAt } from '../../results/mirror.js';
import { bucketOf, folderOf, type OutputPlaces } from '../../results/output-places.js';
import { isUrl } from '../../shared/addresses.js';
import { BatchError, whyUnreadable } from '../../shared/errors.js';

const inputName = '.input';

/** Fetches a URL into a new file. */
type FetchFile = (url: string, path: string) => Promise<FetchedSource>;

/**
 * Copies a run's input into its folder, once, and returns the copies: a repetition after a crash reads what the first try
 * read, however the file has changed since (S1). With a bucket, that is what was first put there, by whatever machine.
 * @param out its folder on this machine
 * @throws BatchError `bad_input` for a URL that cannot be fetched, `output_unusable`
 */
export async function takeInput(
  files: string[],
  out: string,
  fetchFile: FetchFile,
): Promise<string[]> {
  const mirror = await mirrorAt(out);
  if (mirror !== null) {
    const copies: string[] = [];
    for (const [index, file] of files.entries()) {
      copies.push(await takeStored(mirror, { file, place: placeOf(index) }, fetchFile));
    }
    return copies;
  }
  const taken = join(out, inputName);
  if (!(await isThere(taken))) {
    await makeWhole(taken, async (making) => {
      for (const [index, file] of files.entries()) {
        await takeFile(file, join(making, String(index + 1)), fetchFile);
      }
    });
  }
  return Promise.all(files.map((_file, index) => onlyFileIn(join(out, placeOf(index)))));
}

async function takeStored(
  mirror: Mirror,
  { file, place }: { file: string; place: string },
  fetchFile: FetchFile,
): Promise<string> {
  const local = join(mirror.folder, place);
  await rm(local, { recursive: true, force: true });
  for await (const { name } of mirror.bucket.list(`${place}/`)) return mirror.asset(name);
  await mkdir(dirname(local), { recursive: true });
  await makeWhole(local, (making) => takeFile(file, making, fetchFile));
  const copy = await onlyFileIn(local);
  await mirror.settle(`${place}/${basename(copy)}`);
  return copy;
}

/** A folder that is there once all of it is. */
async function makeWhole(folder: string, fill: (making: string) => Promise<void>): Promise<void> {
  const making = `${folder}.${randomBytes(4).toString('hex')}.part`;
  try {
    await fill(making);
    await rename(making, folder).catch(async (error: unknown) => {
      // Another worker that was at it too may have been first.
      if (!(await isThere(folder))) throw error;
    });
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

async function takeFile(file: string, place: string, fetchFile: FetchFile): Promise<void> {
  await mkdir(place, { recursive: true });
  if (isUrl(file)) await takeFetched(file, place, fetchFile);
  else await copyInput(file, join(place, basename(file)));
}

/**
 * When everything is queued, the copy has done its service.
 * @param out the run's place: a folder, or an address in a bucket
 */
export async function dropInput(places: OutputPlaces, out: string): Promise<void> {
  const folder = folderOf(places, out);
  const names = await readdir(folder).catch(() => []);
  // With what a crash in the middle of copying has left.
  const taken = names.filter((name) => name === inputName || name.startsWith(`${inputName}.`));
  for (const name of taken) await rm(join(folder, name), { recursive: true, force: true });
  const bucket = bucketOf(places, out);
  if (bucket === null) return;
  for await (const { name } of bucket.list(`${inputName}/`)) await bucket.remove(name);
}

/**
 * Whether an earlier try has taken the whole input already.
 * @param out the run's place: a folder, or an address in a bucket
 */
export async function hasInput(
  places: OutputPlaces,
  out: string,
  files: readonly string[],
): Promise<boolean> {
  const bucket = bucketOf(places, out);
  if (bucket === null) return isThere(join(out, inputName));
  const taken = new Set<string>();
  for await (const { name } of bucket.list(`${inputName}/`)) taken.add(dirname(name));
  return files.every((_file, index) => taken.has(placeOf(index)));
}

/** Of a file of the input, in the run's place. */
function placeOf(index: number): string {
  return `${inputName}/${index + 1}`;
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

async function copyInput(from: string, to: string): Promise<void> {
  await copyFile(from, to).catch((error: NodeJS.ErrnoException) => {
    // Of the two sides only the reading one is the input's fault.
    const unreadable = ['EACCES', 'EPERM', 'EISDIR', 'ENOENT'].includes(error.code ?? '');
    if (!unreadable) throw error;
    throw new BatchError('bad_input', `${from}: ${whyUnreadable(error)}.`, { cause: error });
  });
}

async function onlyFileIn(folder: string): Promise<string> {
  const [name = ''] = await readdir(folder);
  return join(folder, name);
}
