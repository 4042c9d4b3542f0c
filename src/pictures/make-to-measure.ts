import type { SharpInput } from 'sharp';
import { loadSharp, mostPixels, type Sharp, whenThereIsRoom } from './load-sharp.js';

export const pictureFormats = ['jpeg', 'png', 'webp', 'avif'] as const;
export type PictureFormat = (typeof pictureFormats)[number];

/** How a picture comes into a size: whole and padded to it, cut to its shape, or whole and not padded. */
export const pictureFits = ['contain', 'cover', 'inside'] as const;
export type PictureFit = (typeof pictureFits)[number];

/** What pictures are made into. */
export interface Measure {
  /** Null keeps each picture's own. */
  size: { width: number; height: number; fit: PictureFit; enlarge: boolean } | null;
  /** `#rrggbb`, which shows through and beside a picture; `transparent` only in formats that can be. */
  background: string;
  format: PictureFormat;
  /** 1 to 100; null for PNG, which keeps every pixel. */
  quality: number | null;
}

export interface MadePicture {
  bytes: Buffer;
  /** The picture had fewer pixels than the size asks for, and was not enlarged. */
  smaller: boolean;
}

/** Types that are made to measure. Others (an SVG has no pixels) are what they are. */
const pictureTypes: ReadonlySet<string> = new Set([
  ...['image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/tiff', 'image/avif'],
  ...['image/heic', 'image/heif'],
]);

/** Of these, a file may be a film without sound. */
const maybeMoving: ReadonlySet<string> = new Set(['image/gif', 'image/webp']);

/**
 * Whether a file is a picture that stands still: what moves would lose all frames but one.
 * @param mediaType as its line says
 */
export async function isStillPicture(path: string, mediaType: string): Promise<boolean> {
  if (!pictureTypes.has(mediaType)) return false;
  if (!maybeMoving.has(mediaType)) return true;
  const sharp = await loadSharp();
  const metadata = await sharp?.(path)
    .metadata()
    .catch(() => null);
  return (metadata?.pages ?? 1) <= 1;
}

/** Whether pictures can be decoded on this platform at all. */
export async function canMakePictures(): Promise<boolean> {
  return (await loadSharp()) !== null;
}

/**
 * Makes a picture to measure: upright, in sRGB with its profile, without any other of the metadata it came with.
 * @returns `impossible` with the end of a sentence for what cannot be decoded whole
 */
export async function makeToMeasure(
  input: Buffer,
  measure: Measure,
): Promise<({ kind: 'made' } & MadePicture) | { kind: 'impossible'; reason: string }> {
  const sharp = await loadSharp();
  if (sharp === null) return { kind: 'impossible', reason: 'pictures cannot be decoded here' };
  try {
    const { autoOrient } = await sharp(input).metadata();
    const pixels = autoOrient.width * autoOrient.height;
    return await whenThereIsRoom(pixels, () => make(sharp, input, { ...autoOrient, measure }));
  } catch (error) {
    // The library has no codes: whatever it cannot decode or encode, it says in a sentence of its own.
    const [reason = ''] = (error as Error).message.trim().split('\n');
    return { kind: 'impossible', reason: `no picture can be made of it (${reason})` };
  }
}

async function make(
  sharp: Sharp,
  input: SharpInput,
  { width, height, measure }: { width: number; height: number; measure: Measure },
): Promise<{ kind: 'made' } & MadePicture> {
  const { size, background, format } = measure;
  const picture = sharp(input, {
    failOn: 'error',
    limitInputPixels: mostPixels,
    autoOrient: true,
  });
  const placed = size === null ? null : placeIn(size, { width, height });
  if (placed !== null) {
    const { crop, scaled, padding } = placed;
    if (crop !== null) picture.extract(crop);
    picture.resize({ ...scaled, fit: 'fill' });
    if (padding !== null) picture.extend({ ...padding, background: colourOf(background) });
  }
  if (background !== transparent) picture.flatten({ background });
  picture.toColourspace('srgb').withIccProfile('srgb');
  const quality = measure.quality ?? undefined;
  switch (format) {
    case 'jpeg':
      // Half the colour's resolution shows on red letters; whoever asks for less quality wants small files.
      picture.jpeg({ quality, chromaSubsampling: (quality ?? 0) >= 90 ? '4:4:4' : '4:2:0' });
      break;
    case 'png':
      picture.png();
      break;
    case 'webp':
      picture.webp({ quality });
      break;
    case 'avif':
      picture.avif({ quality });
      break;
    default:
      format satisfies never;
  }
  return { kind: 'made', bytes: await picture.toBuffer(), smaller: placed?.smaller ?? false };
}

export const transparent = 'transparent';

function colourOf(background: string) {
  return background === transparent ? { r: 0, g: 0, b: 0, alpha: 0 } : background;
}

interface Extent {
  width: number;
  height: number;
}

/** Where a picture goes. */
export interface Placed {
  /** What is used of the picture; null for the whole. */
  crop: ({ left: number; top: number } & Extent) | null;
  scaled: Extent;
  padding: { left: number; right: number; top: number; bottom: number } | null;
  smaller: boolean;
}

/** How a picture comes into a size without being distorted, and without being enlarged unless that is asked for. */
export function placeIn(size: NonNullable<Measure['size']>, picture: Extent): Placed {
  const { fit, enlarge } = size;
  if (fit === 'cover') {
    const crop = shapedAs(size, picture);
    const smaller = crop.width < size.width || crop.height < size.height;
    const { width, height } = smaller && !enlarge ? crop : size;
    const whole = crop.width === picture.width && crop.height === picture.height;
    return {
      crop: whole ? null : crop,
      scaled: { width, height },
      padding: null,
      smaller: smaller && !enlarge,
    };
  }
  const wanted = Math.min(size.width / picture.width, size.height / picture.height);
  const smaller = wanted > 1 && !enlarge;
  const scale = smaller ? 1 : wanted;
  const scaled = {
    width: atLeastOne(picture.width * scale),
    height: atLeastOne(picture.height * scale),
  };
  if (fit === 'inside') return { crop: null, scaled, padding: null, smaller };
  const left = Math.floor((size.width - scaled.width) / 2);
  const top = Math.floor((size.height - scaled.height) / 2);
  const right = size.width - scaled.width - left;
  const bottom = size.height - scaled.height - top;
  const padding = left + right + top + bottom === 0 ? null : { left, right, top, bottom };
  return { crop: null, scaled, padding, smaller };
}

/** The largest part of a picture, from its middle, that has the shape of a size. */
function shapedAs(size: Extent, picture: Extent): NonNullable<Placed['crop']> {
  const scale = Math.min(picture.width / size.width, picture.height / size.height);
  const width = Math.min(picture.width, atLeastOne(size.width * scale));
  const height = Math.min(picture.height, atLeastOne(size.height * scale));
  const left = Math.floor((picture.width - width) / 2);
  const top = Math.floor((picture.height - height) / 2);
  return { left, top, width, height };
}

function atLeastOne(pixels: number): number {
  return Math.max(1, Math.round(pixels));
}
