import {
  type Measure,
  type PictureFit,
  type PictureFormat,
  pictureFits,
  pictureFormats,
  transparent,
} from '../../pictures/make-to-measure.js';
import { didYouMean, nearNames } from '../../producer/rows/suggest-name.js';
import { BatchError } from '../../shared/errors.js';
import { quoteName } from '../../shared/quantities.js';

/** What pictures are made into when they are handed over: `--deliver`. */
export interface Profile {
  size: Measure['size'];
  /** Null: white in a JPEG, transparent in the other formats. */
  background: string | null;
  /** Null: each picture's own where it is one of ours, else PNG. */
  format: PictureFormat | null;
  quality: number | null;
}

const keys = ['size', 'fit', 'background', 'format', 'quality', 'enlarge'] as const;
type Key = (typeof keys)[number];

/** A side that no format of ours can have longer. */
const longestSide = 16_383;

const namedColours = new Map([
  ['white', '#ffffff'],
  ['black', '#000000'],
  [transparent, transparent],
]);

const formatNames = new Map<string, PictureFormat>([
  ...pictureFormats.map((format) => [format, format] as const),
  ['jpg', 'jpeg'],
]);

/**
 * Reads `size=2000x2000,fit=contain,background=#fff,format=jpeg,quality=90`.
 * @throws BatchError `usage` that names the part that is wrong
 */
export function parseProfile(text: string): Profile {
  const parts = partsOf(text);
  const format = parts.has('format') ? formatOf(parts.get('format') ?? '') : null;
  const background = parts.has('background') ? colourOf(parts.get('background') ?? '') : null;
  const quality = parts.has('quality') ? qualityOf(parts.get('quality') ?? '') : null;
  const size = sizeOf(parts);
  if (background === transparent && format === 'jpeg') {
    throw faulty('background=transparent', 'a JPEG cannot be transparent: give a colour');
  }
  if (quality !== null && format === 'png') {
    throw faulty(`quality=${quality}`, 'a PNG keeps every pixel and has no quality: leave it out');
  }
  return { size, background, format, quality };
}

function partsOf(text: string): Map<Key, string> {
  const parts = new Map<Key, string>();
  for (const part of text.split(',').map((one) => one.trim())) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    if (equals < 1) throw faulty(part, 'a part looks like size=2000x2000');
    const name = part.slice(0, equals).trim().toLowerCase();
    const key = keys.find((known) => known === name);
    if (key === undefined) throw faulty(part, unknownPart(name));
    if (parts.has(key)) throw faulty(part, `${key} is given more than once`);
    parts.set(key, part.slice(equals + 1).trim());
  }
  if (parts.size > 0) return parts;
  throw new BatchError(
    'usage',
    `--deliver is empty: it takes ${keys.join(', ')}, such as 'size=2000x2000,fit=contain,background=#fff,format=jpeg,quality=90'.`,
  );
}

function unknownPart(name: string): string {
  const hint = didYouMean(nearNames(name, keys)) || `the parts are ${keys.join(', ')}`;
  return `there is no ${quoteName(name)}: ${hint}`;
}

function sizeOf(parts: ReadonlyMap<Key, string>): Profile['size'] {
  const size = parts.get('size');
  if (size === undefined) {
    const lonely = (['fit', 'enlarge'] as const).find((key) => parts.has(key));
    if (lonely === undefined) return null;
    throw faulty(`${lonely}=${parts.get(lonely)}`, 'it needs a size, such as size=2000x2000');
  }
  const [, width, height] = /^(\d{1,6})\s*[x×*]\s*(\d{1,6})$/i.exec(size) ?? [];
  const sides = { width: Number(width), height: Number(height) };
  if (width === undefined || height === undefined) {
    throw faulty(`size=${size}`, 'it must be width and height in pixels, such as 2000x2000');
  }
  if (Math.min(sides.width, sides.height) < 1 || Math.max(sides.width, sides.height) > longestSide)
    throw faulty(`size=${size}`, `a side has 1 to ${longestSide} pixels`);
  return { ...sides, fit: fitOf(parts.get('fit')), enlarge: enlargeOf(parts.get('enlarge')) };
}

function fitOf(text = 'contain'): PictureFit {
  const fit = pictureFits.find((known) => known === text.toLowerCase());
  if (fit !== undefined) return fit;
  throw faulty(`fit=${text}`, `it must be ${oneOf(pictureFits)}`);
}

function enlargeOf(text = 'no'): boolean {
  const answer = text.toLowerCase();
  if (answer === 'yes' || answer === 'no') return answer === 'yes';
  throw faulty(`enlarge=${text}`, 'it must be yes or no');
}

function formatOf(text: string): PictureFormat {
  const format = formatNames.get(text.toLowerCase());
  if (format !== undefined) return format;
  throw faulty(`format=${text}`, `it must be ${oneOf(pictureFormats)}`);
}

function qualityOf(text: string): number {
  const quality = Number(text);
  if (/^\d{1,3}$/.test(text) && quality >= 1 && quality <= 100) return quality;
  throw faulty(`quality=${text}`, 'it must be a whole number from 1 to 100');
}

function colourOf(text: string): string {
  const written = text.toLowerCase();
  const named = namedColours.get(written);
  if (named !== undefined) return named;
  if (/^#[0-9a-f]{6}$/.test(written)) return written;
  if (/^#[0-9a-f]{3}$/.test(written)) return written.replace(/[0-9a-f]/g, '$&$&');
  const colours = [...namedColours.keys()].join(', ');
  throw faulty(
    `background=${text}`,
    `it must be a colour such as #fff or #f5f5f5, or ${colours}; in a shell, put the whole in quotes`,
  );
}

function oneOf(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

function faulty(part: string, reason: string): BatchError {
  const end = reason.endsWith('?') ? '' : '.';
  return new BatchError('usage', `--deliver, ${part}: ${reason}${end}`);
}

const ownFormats = new Map<string, PictureFormat>(
  pictureFormats.map((format) => [`image/${format}`, format]),
);
/** Of whoever does not say; JPEG at 90 shows no trace of itself, and the others look the same at less. */
const usualQuality = { jpeg: 90, png: null, webp: 85, avif: 65 } as const;

/** What a picture of a type is made into. */
export function measureOf(profile: Profile, mediaType: string): Measure {
  const format = profile.format ?? ownFormats.get(mediaType) ?? 'png';
  const usual = format === 'jpeg' ? '#ffffff' : transparent;
  const asked = format === 'jpeg' && profile.background === transparent ? null : profile.background;
  return {
    size: profile.size,
    background: asked ?? usual,
    format,
    quality: format === 'png' ? null : (profile.quality ?? usualQuality[format]),
  };
}

/** One text for measures that make the same of a picture. It changes when what is made of one does. */
export function measureText({ size, background, format, quality }: Measure): string {
  const sized =
    size === null
      ? ''
      : ` ${size.width}x${size.height} ${size.fit}${size.enlarge ? ' enlarged' : ''}`;
  return `made 1:${sized} ${background} ${format}${quality === null ? '' : ` ${quality}`}`;
}
