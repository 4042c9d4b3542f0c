import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Downloader, DownloadManner } from '../rivya/download.js';
import type { DownloadOutcome } from '../rivya/outcome.js';
import type { TaskCategory } from '../shared/ledger/brief-state.js';
import type { Asset } from '../shared/manifest-line.js';
import { syncFolder } from '../shared/write-file-durably.js';
import { judgeResults, lookAtResult, type ResultMedia, sniffBytes } from './result-media.js';

export interface SaveRequest {
  /** Of all files of one task. */
  urls: readonly string[];
  /** The manifest's folder. */
  out: string;
  /** What the task's category promises; null where nobody knows it. */
  promised: TaskCategory | null;
  manner?: DownloadManner;
  /**
   * File name under `assets/`, for the type that the content turned out to have; `index` is the URL's. `marked` with
   * its attempt where another one has the plain name.
   */
  nameFor(extension: string, index: number, marked: 'plain' | 'marked'): string;
  /** Decides once for this attempt, however often it is asked, whether it has the plain name where that is free. */
  claimPlain(name: 'free' | 'taken'): Promise<'plain' | 'marked'>;
}

export type SaveOutcome =
  | { kind: 'saved'; assets: Asset[] }
  /** It came whole, and is nothing that a task of this category makes. */
  | { kind: 'something_else'; reason: string }
  | Exclude<DownloadOutcome, { kind: 'saved' }>;

interface FetchedFile {
  temporary: string;
  bytes: number;
  sha256: string;
  media: ResultMedia;
}

/**
 * Downloads the results of one task: temporary files, hash on the way, fsync; once all are there and are what they
 * should be, they get their names, then fsync of the folder (S5). Throws file system errors as they are (a full disk is not the API's fault).
 */
export async function saveAssets(
  downloader: Downloader,
  request: SaveRequest,
): Promise<SaveOutcome> {
  const folder = join(request.out, 'assets');
  // Never the folder of the results itself: where that is gone, what is saved would be lost.
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const temporaries = request.urls.map(() => join(folder, `.${randomUUID()}.part`));
  try {
    const files: FetchedFile[] = [];
    for (const [index, temporary] of temporaries.entries()) {
      const url = request.urls[index] ?? '';
      const fetched = await fetchFile(downloader, { url, temporary, manner: request.manner });
      if (fetched.kind !== 'fetched') return fetched;
      files.push(fetched.file);
    }
    const reason = judgeResults(
      files.map(({ media }) => media),
      request.promised,
    );
    if (reason !== null) return { kind: 'something_else', reason };
    return { kind: 'saved', assets: await putInPlace(folder, files, request) };
  } finally {
    await Promise.all(temporaries.map((temporary) => rm(temporary, { force: true })));
  }
}

async function fetchFile(
  downloader: Downloader,
  {
    url,
    temporary,
    manner,
  }: { url: string; temporary: string; manner: DownloadManner | undefined },
): Promise<{ kind: 'fetched'; file: FetchedFile } | Exclude<DownloadOutcome, { kind: 'saved' }>> {
  const file = await open(temporary, 'wx');
  try {
    const start: Buffer[] = [];
    let seen = 0;
    const write = async (chunk: Buffer): Promise<void> => {
      if (seen < sniffBytes) start.push(chunk.subarray(0, sniffBytes - seen));
      seen += chunk.length;
      await writeAll(file, chunk);
    };
    const outcome = await downloader.download(url, write, manner);
    if (outcome.kind !== 'saved') return outcome;
    await file.sync();
    const { bytes, sha256, declaredType } = outcome;
    const media = await lookAtResult(Buffer.concat(start), declaredType);
    return { kind: 'fetched', file: { temporary, bytes, sha256, media } };
  } finally {
    await file.close();
  }
}

/**
 * Never in the place of another file: a line may name it, of an earlier attempt or of one that was taken for lost.
 * Done again after a crash, it finds its own files and leaves them.
 */
async function putInPlace(
  folder: string,
  files: readonly FetchedFile[],
  { nameFor, claimPlain }: SaveRequest,
): Promise<Asset[]> {
  const namesOf = (marked: 'plain' | 'marked') =>
    files.map(({ media }, index) => nameFor(media.extension, index, marked));
  const plain = namesOf('plain').map((name) => join(folder, name));
  const held = await Promise.all(plain.map(isHeld));
  const claimed = await claimPlain(held.includes(true) ? 'taken' : 'free');
  const hashes = claimed === 'plain' ? await Promise.all(plain.map(hashOf)) : [];
  const ours = hashes.every((hash, index) => hash === null || hash === files[index]?.sha256);
  const marked = claimed === 'plain' && ours ? 'plain' : 'marked';
  const names = namesOf(marked);
  const assets: Asset[] = [];
  for (const [index, { temporary, bytes, sha256, media }] of files.entries()) {
    const name = names[index] ?? '';
    await nameFile(temporary, join(folder, name), marked);
    assets.push({ path: `assets/${name}`, bytes, sha256, media_type: media.mediaType });
  }
  await syncFolder(folder);
  return assets;
}

/** Extensions of results: a brief's earlier picture may be of another type. */
const commonExtensions = ['png', 'jpg', 'webp', 'gif', 'svg', 'mp4', 'webm', 'mov', 'mp3', 'wav'];

/** Whether there is a file of this name, with whatever extension. */
async function isHeld(path: string): Promise<boolean> {
  const stem = path.slice(0, path.lastIndexOf('.') + 1);
  const paths = [path, ...commonExtensions.map((extension) => `${stem}${extension}`)];
  const found = await Promise.all(
    paths.map((candidate) =>
      stat(candidate).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}

/** Null where there is no such file. */
async function hashOf(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    return hash.digest('hex');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * A name that was free is taken by a link, which fails where somebody else was faster: then the job comes again, and
 * sees what is there. A name that has the attempt in it is only this attempt's. File systems without links rename.
 */
async function nameFile(
  temporary: string,
  path: string,
  marked: 'plain' | 'marked',
): Promise<void> {
  if (marked === 'marked') return rename(temporary, path);
  const failure = await link(temporary, path).then(
    () => null,
    (error: NodeJS.ErrnoException) => error,
  );
  if (failure === null) return;
  if (failure.code !== 'EEXIST') return rename(temporary, path);
  // It is this very content, from before a crash or from another worker at the same job.
  if ((await hashOf(path)) !== (await hashOf(temporary))) throw failure;
}

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  let written = 0;
  while (written < chunk.length) {
    const { bytesWritten } = await file.write(chunk, written);
    written += bytesWritten;
  }
}
