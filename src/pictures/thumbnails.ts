import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pLimit from 'p-limit';
import { loadSharp, mostPixels, whenThereIsRoom } from './load-sharp.js';

/** Pixels of a thumbnail's longest side. */
const longestSide = 384;

/** A picture to make small: its content names its thumbnail. */
export type PictureSource = { sha256: string } & ({ path: string } | { bytes: Buffer });

/** Where the thumbnail of a picture is, relative to the results folder, with forward slashes on every system. */
export function thumbnailPath(sha256: string): string {
  return `.thumbnails/${sha256.slice(0, 2)}/${sha256}.webp`;
}

/** Whether a picture has its thumbnail. */
export async function hasThumbnail(out: string, sha256: string): Promise<boolean> {
  const found = await stat(join(out, thumbnailPath(sha256))).catch(() => null);
  // It is not synced, as it can be made again: a power cut may leave an empty file.
  return found !== null && found.size > 0;
}

/**
 * Makes the small WebP of a picture in a results folder, upright, in sRGB. What is in the folder `.thumbnails` is a cache:
 * nobody promises it, and it may be deleted at any time.
 * @returns `impossible` for what is no picture that can be decoded here, and where it cannot be written
 */
export async function makeThumbnail(
  out: string,
  source: PictureSource,
): Promise<'made' | 'there' | 'impossible'> {
  if (await hasThumbnail(out, source.sha256)) return 'there';
  const sharp = await loadSharp();
  if (sharp === null) return 'impossible';
  const input = 'path' in source ? source.path : source.bytes;
  try {
    const { width, height } = await sharp(input).metadata();
    // Of one that is cut short, what there is: who looks at it sees what is wrong.
    const picture = sharp(input, {
      failOn: 'none',
      limitInputPixels: mostPixels,
      autoOrient: true,
    });
    const small = picture
      .resize({ width: longestSide, height: longestSide, fit: 'inside', withoutEnlargement: true })
      .webp({ quality: 78, effort: 2 });
    const bytes = await whenThereIsRoom(width * height, () => small.toBuffer());
    await putInPlace(join(out, thumbnailPath(source.sha256)), bytes);
    return 'made';
  } catch {
    return 'impossible';
  }
}

async function putInPlace(path: string, bytes: Buffer): Promise<void> {
  const folder = dirname(path);
  // Never the results folder itself: where that is gone, nothing of it begins anew.
  for (const made of [dirname(folder), folder]) {
    await mkdir(made).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  const temporary = `${path}.${randomUUID()}.part`;
  try {
    await writeFile(temporary, bytes, { flag: 'wx' });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Of result files, as lines name them. */
interface AssetOfLine {
  path: string;
  sha256: string;
  media_type: string;
}

export interface ThumbnailCounts {
  made: number;
  there: number;
  impossible: number;
}

/** Files that are looked at, or being made small, at once. */
const atOnce = 4;

/**
 * Makes the thumbnails that are missing of a folder's assets; what is no picture is passed over.
 * @param assets as lines name them, with paths relative to the folder; read as they are needed
 * @param signal ends it early, with what has been done so far
 */
export async function makeMissingThumbnails(
  out: string,
  assets: Iterable<AssetOfLine> | AsyncIterable<AssetOfLine>,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (so: ThumbnailCounts) => void } = {},
): Promise<ThumbnailCounts> {
  const counts: ThumbnailCounts = { made: 0, there: 0, impossible: 0 };
  const limit = pLimit(atOnce);
  const underWay = new Set<Promise<void>>();
  for await (const { path, sha256, media_type } of assets) {
    if (signal?.aborted) break;
    if (!media_type.startsWith('image/')) continue;
    const making = limit(() => makeThumbnail(out, { path: join(out, path), sha256 })).then(
      (became) => {
        counts[became] += 1;
        underWay.delete(making);
        onProgress?.(counts);
      },
    );
    underWay.add(making);
    if (underWay.size >= atOnce) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  return { ...counts };
}
