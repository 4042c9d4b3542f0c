import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import type sharp from 'sharp';

/** What decodes and makes pictures. */
export type Sharp = typeof sharp;

/**
 * Above so many pixels a picture is not decoded: a progressive or interlaced one is in memory as a whole, with up to
 * six bytes a pixel.
 */
export const mostPixels = 100_000_000;

/** Above so many, one at a time: see `mostPixels`. */
const manyPixels = 24_000_000;

/** Formats that are read. All others are refused by the library itself, whatever a file calls itself. */
const loaders = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif', 'Tiff'];

let loading: Promise<Sharp | null> | null = null;

/**
 * The image library, loaded when it is first needed: commands that look at no picture do not pay for it. It is set up
 * for files of strangers (an SVG is a program more than a picture, and is not rendered) and for a process that has
 * other things to do: nothing is cached, and each picture takes one thread.
 * @returns null where it cannot be loaded on this platform
 */
export function loadSharp(): Promise<Sharp | null> {
  loading ??= import('sharp').then(
    ({ default: loaded }) => {
      loaded.cache(false);
      loaded.concurrency(1);
      loaded.block({ operation: ['VipsForeignLoad'] });
      loaded.unblock({ operation: loaders.map((name) => `VipsForeignLoad${name}`) });
      return loaded;
    },
    () => null,
  );
  return loading;
}

// Files and name look-ups of the whole process share four threads with what is decoded.
const some = pLimit(Math.min(2, availableParallelism()));
const one = pLimit(1);

/** Runs what decodes a picture of so many pixels when there is room for it. */
export function whenThereIsRoom<Result>(
  pixels: number,
  decode: () => Promise<Result>,
): Promise<Result> {
  return pixels > manyPixels ? one(() => some(decode)) : some(decode);
}
