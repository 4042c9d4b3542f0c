import { readFile, stat } from 'node:fs/promises';
import type { Metadata, SharpOptions, Stats } from 'sharp';
import { type PictureSize, sizeText } from '../shared/picture-size.js';
import { loadSharp, mostPixels, type Sharp, whenThereIsRoom } from './load-sharp.js';
import { longestSide, type SmallPicture } from './thumbnails.js';

export interface PictureJudgement {
  /** As it is looked at, upright; null where the file does not say. */
  size: PictureSize | null;
  /** What is wrong with it, to go on with behind "it"; null where nothing is, or nothing is known. */
  fault: string | null;
  /** What its thumbnail can be made of; null where there is no more than the file. */
  small: SmallPicture | null;
}

/**
 * Of these a file that cannot be decoded is at fault itself. Others may be of a kind that is not known here (a TIFF with
 * a rare compression, HEIC, JPEG XL), or are no pictures of pixels (SVG).
 */
const wellKnown = new Set(['image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/avif']);
/** These are decoded, and all are believed where that succeeds. Of an APNG, only its first frame would be. */
const decoded = new Set([...wellKnown, 'image/tiff']);

/** Larger files are not looked at. */
const mostBytes = 256 * 1024 * 1024;
/** What takes so long is not waited for; with an end to it, a file made to be slow holds nothing up for good. */
const mostSeconds = 60;
/** By which a colour may differ, of 255: as much as a lossy format does to one colour, and too little to be seen. */
const tolerance = 4;
/** Of an animation's frames: all of them are kept small at once. */
const frameSide = 64;
/** Smaller ones may well be of one colour. */
const leastSideOfColours = 8;

const unknown: PictureJudgement = { size: null, fault: null, small: null };

/**
 * Decodes a result file as a whole, and says what is wrong with it: that it does not decode, is cut short, is of one
 * colour, or is smaller than is wanted. A picture that was paid for is not to be thrown out by mistake: what is not
 * sure is not said.
 * @param mediaType by its content
 * @param least null where any size will do
 * @throws file system errors as they are
 */
export async function judgePicture(
  path: string,
  mediaType: string,
  least: PictureSize | null,
): Promise<PictureJudgement> {
  if (!mediaType.startsWith('image/') || mediaType === 'image/svg+xml') return unknown;
  const sharp = await loadSharp();
  if (sharp === null || (await stat(path)).size > mostBytes) return unknown;
  const metadata = await sharp(path)
    .metadata()
    .catch(() => null);
  if (metadata === null) {
    // What of AVIF can be read at all changes from one version of its library to the next.
    const isSure = wellKnown.has(mediaType) && mediaType !== 'image/avif';
    return isSure ? decodeFromMemory(sharp, path, mediaType) : unknown;
  }
  const { width, height } = metadata.autoOrient;
  const size = { width, height };
  const tooSmall = least === null ? null : smallerThan(size, least);
  if (!decoded.has(mediaType) || metadata.compression === 'hevc' || isHuge(metadata)) {
    return { size, fault: tooSmall, small: null };
  }
  const look = await lookAt(sharp, path, metadata);
  switch (look.kind) {
    case 'decoded':
      return { size, fault: tooSmall ?? look.fault, small: look.small };
    case 'undecided':
      return { size, fault: tooSmall, small: null };
    case 'broken': {
      if (!wellKnown.has(mediaType)) return { size, fault: tooSmall, small: null };
      const again = await decodeFromMemory(sharp, path, mediaType);
      return { size, fault: tooSmall ?? again.fault, small: again.small };
    }
    default:
      return look satisfies never;
  }
}

function smallerThan(size: PictureSize, least: PictureSize): string | null {
  if (size.width >= least.width && size.height >= least.height) return null;
  return `has ${sizeText(size)} pixels, and at least ${sizeText(least)} are wanted`;
}

function pixelsOf({ width, height, pages = 1 }: Metadata): number {
  return width * height * pages;
}

function isHuge(metadata: Metadata): boolean {
  return pixelsOf(metadata) > mostPixels;
}

type Look =
  | { kind: 'decoded'; fault: string | null; small: SmallPicture | null }
  | { kind: 'broken'; why: string }
  | { kind: 'undecided' };

/** Decoded once, and made small with that: of the small one it is seen that the picture is not of one colour. */
async function lookAt(
  sharp: Sharp,
  input: string | Buffer,
  metadata: Metadata,
  failOn: 'error' | 'warning' = 'error',
): Promise<Look> {
  const isAnimated = (metadata.pages ?? 1) > 1;
  const options: SharpOptions = {
    failOn,
    limitInputPixels: mostPixels,
    ...(isAnimated ? { animated: true } : { autoOrient: true }),
  };
  const side = isAnimated ? frameSide : longestSide;
  const begun = performance.now();
  try {
    const { data, info } = await whenThereIsRoom(pixelsOf(metadata), () =>
      sharp(input, options)
        .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
        .timeout({ seconds: mostSeconds })
        .raw()
        .toBuffer({ resolveWithObject: true }),
    );
    const small = { data, width: info.width, height: info.height, channels: info.channels };
    const fault = await colourFault(sharp, input, options, metadata, small);
    return { kind: 'decoded', fault, small: isAnimated ? null : small };
  } catch (error) {
    if (performance.now() - begun > mostSeconds * 1000) return { kind: 'undecided' };
    return { kind: 'broken', why: (error as Error).message };
  }
}

async function colourFault(
  sharp: Sharp,
  input: string | Buffer,
  options: SharpOptions,
  metadata: Metadata,
  small: SmallPicture,
): Promise<string | null> {
  if (Math.min(metadata.width, metadata.height) < leastSideOfColours) return null;
  // Floating point: what is black or white is not known.
  if (metadata.depth !== 'uchar' && metadata.depth !== 'ushort') return null;
  if (!isAlike(small)) return null;
  // A dot may have vanished in the small one: every pixel is looked at.
  const { channels } = await whenThereIsRoom(pixelsOf(metadata), () =>
    sharp(input, options).stats(),
  );
  const alpha = metadata.hasAlpha ? channels.at(-1) : undefined;
  if (alpha?.max === 0) return 'is transparent throughout';
  return channels.every(isSteady) ? 'is one flat colour' : null;
}

function isSteady({ min, max }: Stats['channels'][number]): boolean {
  return max - min <= tolerance;
}

function isAlike({ data, channels }: SmallPicture): boolean {
  for (let channel = 0; channel < channels; channel += 1) {
    let [least, most] = [255, 0];
    for (let at = channel; at < data.length; at += channels) {
      const sample = data[at] ?? 0;
      if (sample < least) least = sample;
      if (sample > most) most = sample;
    }
    // Made small, an edge that can hardly be seen is sharpened.
    if (most - least > 3 * tolerance) return false;
  }
  return true;
}

/**
 * The second look at a file that did not decode: read into memory, so that it is no fault of the disk (which throws),
 * and mended where no more than its end marker is missing.
 */
async function decodeFromMemory(
  sharp: Sharp,
  path: string,
  mediaType: string,
): Promise<PictureJudgement> {
  const bytes = await readFile(path);
  if (mediaType === 'image/jpeg' && isRareJpeg(bytes)) return unknown;
  const look = await lookInMemory(sharp, bytes);
  if (look.kind === 'decoded') return { ...unknown, fault: look.fault, small: look.small };
  if (look.kind === 'undecided') return unknown;
  if (mediaType === 'image/jpeg') {
    // With its end in place, data that is missing before it is a warning.
    const ended = await lookInMemory(sharp, Buffer.concat([bytes, endOfJpeg]), 'warning');
    if (ended.kind === 'decoded') return { ...unknown, fault: ended.fault, small: ended.small };
  }
  return { ...unknown, fault: `does not decode as a whole (${inWords(look.why)})` };
}

async function lookInMemory(
  sharp: Sharp,
  bytes: Buffer,
  failOn: 'error' | 'warning' = 'error',
): Promise<Look> {
  try {
    const metadata = await sharp(bytes).metadata();
    return isHuge(metadata) ? { kind: 'undecided' } : await lookAt(sharp, bytes, metadata, failOn);
  } catch (error) {
    return { kind: 'broken', why: (error as Error).message };
  }
}

/** What the library says, without its own names for things. */
function inWords(message: string): string {
  const [first = ''] = message.split('\n');
  return first.replace(/^(Input buffer has corrupt header: )?\w+: /, '').slice(0, 120);
}

const endOfJpeg = Buffer.from([0xff, 0xd9]);

/** Kinds of JPEG frames that every decoder knows: baseline, extended and progressive. */
const commonFrames = new Set([0xc0, 0xc1, 0xc2]);
/** Markers of tables among those of frames. */
const tables = new Set([0xc4, 0xc8, 0xcc]);

/** Whether a JPEG is of a kind that not every decoder knows: lossless, arithmetic, or of more than 8 bits. */
function isRareJpeg(bytes: Buffer): boolean {
  let at = 2;
  while (at + 4 < bytes.length) {
    if (bytes[at] !== 0xff) return false;
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker >= 0xc0 && marker <= 0xcf && !tables.has(marker)) {
      return !commonFrames.has(marker) || bytes[at + 4] !== 8;
    }
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return false;
}
