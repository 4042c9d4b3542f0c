import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileTypeFromBuffer } from 'file-type';
import type { Downloader } from '../rivya/download.js';
import type { DownloadOutcome } from '../rivya/outcome.js';
import type { Asset } from '../shared/manifest-line.js';
import { syncFolder } from '../shared/write-file-durably.js';

/** What `file-type` needs to see of a file's beginning. */
const sniffBytes = 4_100;

export interface SaveRequest {
  url: string;
  /** The manifest's folder. */
  out: string;
  /** File name under `assets/`, for the type that the content turned out to have. */
  nameFor(extension: string): string;
}

export type SaveOutcome =
  | { kind: 'saved'; asset: Asset }
  | Exclude<DownloadOutcome, { kind: 'saved' }>;

/**
 * Downloads one result: temporary file, hash on the way, fsync, rename, fsync of the folder (S5).
 * Throws file system errors as they are (a full disk is not the API's fault).
 */
export async function saveAsset(
  downloader: Downloader,
  request: SaveRequest,
): Promise<SaveOutcome> {
  const folder = join(request.out, 'assets');
  // Never the folder of the results itself: where that is gone, what is saved would be lost.
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const temporary = join(folder, `.${randomUUID()}.part`);
  const file = await open(temporary, 'wx');
  try {
    const start: Buffer[] = [];
    let seen = 0;
    const outcome = await downloader.download(request.url, async (chunk) => {
      if (seen < sniffBytes) start.push(chunk.subarray(0, sniffBytes - seen));
      seen += chunk.length;
      await writeAll(file, chunk);
    });
    if (outcome.kind !== 'saved') return outcome;
    const type = await fileType(Buffer.concat(start), outcome.declaredType);
    await file.sync();
    const name = request.nameFor(type.extension);
    await rename(temporary, join(folder, name));
    await syncFolder(folder);
    const { bytes, sha256 } = outcome;
    return {
      kind: 'saved',
      asset: { path: `assets/${name}`, bytes, sha256, media_type: type.mediaType },
    };
  } finally {
    await file.close();
    await rm(temporary, { force: true });
  }
}

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  let written = 0;
  while (written < chunk.length) {
    const { bytesWritten } = await file.write(chunk, written);
    written += bytesWritten;
  }
}

/** By content; the declared type only where the content has no known signature. */
async function fileType(start: Buffer, declared: string | null) {
  const found = await fileTypeFromBuffer(start);
  if (found) return { extension: found.ext, mediaType: found.mime as string };
  return { extension: 'bin', mediaType: declared ?? 'application/octet-stream' };
}
