import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ProxySettings } from '../../rivya/dispatcher.js';
import { createDownloader } from '../../rivya/download.js';
import { judgeResultUrl } from '../../rivya/safe-url.js';
import { BatchError } from '../../shared/errors.js';
import { isUrl, shownFile } from '../schedule.js';

const inputName = '.input';

/** Fetches a URL into a file. */
type FetchFile = (url: string, path: string) => Promise<void>;

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
        if (isUrl(file)) await fetchFile(file, join(place, nameInUrl(file)));
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

/** The file name in a URL, made safe; its extension tells the format. */
function nameInUrl(url: string): string {
  const last = new URL(url).pathname.split('/').at(-1) ?? '';
  return last.replace(/[^\w.-]+/g, '_').replace(/^\.+/, '') || 'input';
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

const maxBytes = 2_000_000_000;
const idleTimeoutMs = 60_000;
const totalTimeoutMs = 1_800_000;

export interface FetchOptions {
  /** Origin of the API: the one host that may be private or without https. */
  origin: string;
  proxy: ProxySettings;
  userAgent: string;
}

/** Whether a URL may be a schedule's input at all; a sentence why not, or null. */
export function inputUrlFault(url: string, origin: string): string | null {
  if (judgeResultUrl(url, origin).kind === 'allowed') return null;
  return `${shownFile(url)} cannot be read: only https URLs without a login are, and none in a private network.`;
}

/**
 * Fetches an input file, under the rules for downloads of results.
 * @throws BatchError `bad_input`, or `api_unavailable` for what may pass; with nothing of the URL's query (S8); an error of the disk as it is
 */
export async function fetchInput(
  url: string,
  path: string,
  { origin, proxy, userAgent }: FetchOptions,
): Promise<void> {
  const fault = inputUrlFault(url, origin);
  if (fault !== null) throw new BatchError('bad_input', fault);
  const downloader = createDownloader({
    apiOrigin: origin,
    maxBytes,
    idleTimeoutMs,
    totalTimeoutMs,
    proxy,
    userAgent,
  });
  const handle = await open(path, 'wx', 0o600);
  try {
    const write = async (chunk: Buffer) => handle.appendFile(chunk);
    const outcome = await downloader.download(url, write);
    if (outcome.kind === 'saved') return;
    const sentence = `${shownFile(url)} could not be fetched (${outcome.kind}).`;
    // What may pass is tried again.
    if (outcome.kind === 'unavailable') throw new BatchError('api_unavailable', sentence);
    throw new BatchError('bad_input', sentence);
  } finally {
    await handle.close();
    await downloader.close();
  }
}
