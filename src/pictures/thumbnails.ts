import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pLimit from 'p-limit';
import { loadSharp, mostPixels, type Sharp, whenThereIsRoom } from './load-sharp.js';

/** Pixels of a thumbnail's longest side. */
export const longestSide = 384;
const quality = { quality: 78, effort: 2 };

/** A picture that was made small already: raw samples, upright, in sRGB. */
export interface SmallPicture {
  data: Buffer;
  width: number;
  height: number;
  channels: 1 | 2 | 3 | 4;
}

/** A picture to make small, or one that is; its content as it was names its thumbnail. */
export type PictureSource = { sha256: string } & (
  | { path: string }
  | { bytes: Buffer }
  | { small: SmallPicture }
);

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
  try {
    const bytes = await encode(sharp, source);
    await putInPlace(join(out, thumbnailPath(source.sha256)), bytes);
    return 'made';
  } catch {
    return 'impossible';
  }
}

async function encode(sharp: Sharp, source: PictureSource): Promise<Buffer> {
  if ('small' in source) {
    const { data, ...raw } = source.small;
    return whenThereIsRoom(0, () => sharp(data, { raw }).webp(quality).toBuffer());
  }
  const input = 'path' in source ? source.path : source.bytes;
  const { width, height } = await sharp(input).metadata();
  // Of one that is cut short, what there is: who looks at it sees what is wrong.
  const options = { failOn: 'none', limitInputPixels: mostPixels, autoOrient: true } as const;
  const small = sharp(input, options)
    .resize({ width: longestSide, height: longestSide, fit: 'inside', withoutEnlargement: true })
    .webp(quality);
  return whenThereIsRoom(width * height, () => small.toBuffer());
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
 * @param locate a file on this disk, by its path; absent: it is in the folder
 * @param signal ends it early, with what has been done so far
 */
export async function makeMissingThumbnails(
  out: string,
  assets: Iterable<AssetOfLine> | AsyncIterable<AssetOfLine>,
  {
    locate = async (path) => join(out, path),
    signal,
    onProgress,
  }: {
    locate?: (path: string) => Promise<string>;
    signal?: AbortSignal;
    onProgress?: (so: ThumbnailCounts) => void;
  } = {},
): Promise<ThumbnailCounts> {
  const counts: ThumbnailCounts = { made: 0, there: 0, impossible: 0 };
  const limit = pLimit(atOnce);
  const underWay = new Set<Promise<void>>();
  for await (const { path, sha256, media_type } of assets) {
    if (signal?.aborted) break;
    if (!media_type.startsWith('image/')) continue;
    const making = limit(async () => {
      if (await hasThumbnail(out, sha256)) return 'there';
      const local = await locate(path).catch(() => null);
      return local === null ? 'impossible' : makeThumbnail(out, { path: local, sha256 });
    }).then((became) => {
      counts[became] += 1;
      underWay.delete(making);
      onProgress?.(counts);
    });
    underWay.add(making);
    if (underWay.size >= atOnce) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  return { ...counts };
}

/** Pictures that wait to be made small; of more, `makeMissingThumbnails` takes care. Each may hold half a MB. */
const mostWaiting = 40;
const mostReferenceBytes = 64 * 1024 * 1024;

/** Makes thumbnails beside other work, which never waits for them; one that cannot be made is no news. */
export class BackgroundThumbnails {
  private readonly underWay = new Set<Promise<unknown>>();
  /** Folder and hash of those that were asked for. */
  private readonly references = new Set<string>();

  add(out: string, source: PictureSource): void {
    this.begin(() => makeThumbnail(out, source));
  }

  /**
   * Of a picture that briefs refer to, the first time that it is asked for.
   * @param find where the file was; null where it is no picture. It may be another one by now, which is not shown
   */
  addReference(out: string, sha256: string, find: () => Promise<string | null>): void {
    const key = `${sha256} ${out}`;
    if (this.references.has(key)) return;
    const begun = this.begin(async () => {
      const path = await find();
      if (path === null || (await stat(path)).size > mostReferenceBytes) return;
      const bytes = await readFile(path);
      if (createHash('sha256').update(bytes).digest('hex') !== sha256) return;
      await makeThumbnail(out, { bytes, sha256 });
    });
    if (begun === 'begun') this.references.add(key);
  }

  private begin(make: () => Promise<unknown>): 'begun' | 'full' {
    if (this.underWay.size >= mostWaiting) return 'full';
    const making = make()
      .catch(() => undefined)
      .finally(() => this.underWay.delete(making));
    this.underWay.add(making);
    return 'begun';
  }

  /** Until those that were begun are done, for at most so long. */
  async settle(mostMs: number): Promise<void> {
    const late = new AbortController();
    const tooLate = delay(mostMs, undefined, { signal: late.signal, ref: false }).catch(() => null);
    await Promise.race([Promise.all(this.underWay), tooLate]);
    late.abort();
  }
}
