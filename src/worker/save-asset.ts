import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
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
  /** File name under `assets/`, for the type that the content turned out to have; `index` is the URL's. */
  nameFor(extension: string, index: number): string;
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
 * should be, rename, fsync of the folder (S5). Throws file system errors as they are (a full disk is not the API's fault).
 */
export async function saveAssets(
  downloader: Downloader,
  request: SaveRequest,
): Promise<SaveOutcome> {
  const folder = join(request.out, 'assets');
  await mkdir(folder, { recursive: true });
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

async function putInPlace(
  folder: string,
  files: readonly FetchedFile[],
  { nameFor }: SaveRequest,
): Promise<Asset[]> {
  const assets: Asset[] = [];
  for (const [index, { temporary, bytes, sha256, media }] of files.entries()) {
    const name = nameFor(media.extension, index);
    await rename(temporary, join(folder, name));
    assets.push({ path: `assets/${name}`, bytes, sha256, media_type: media.mediaType });
  }
  await syncFolder(folder);
  return assets;
}

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  let written = 0;
  while (written < chunk.length) {
    const { bytesWritten } = await file.write(chunk, written);
    written += bytesWritten;
  }
}
