import { crc32, deflateSync, inflateRawSync } from 'node:zlib';
import type { JsonObject } from '../../shared/json.js';
import { RandomStream } from '../random-stream.js';
import glyphData from './lettering-glyphs.json' with { type: 'json' };

type Colour = readonly [red: number, green: number, blue: number];

/** A picture of palette indices, row by row. */
interface Canvas {
  width: number;
  height: number;
  pixels: Uint8Array;
}

const signature = Buffer.from('89504e470d0a1a0a', 'hex');

/** An 8-bit palette PNG. No well-kept package writes that kind, which is a third of the size of RGB. */
function encodePalettePng(canvas: Canvas, palette: readonly Colour[]): Buffer {
  const { width, height, pixels } = canvas;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  // Every row starts with its filter: 0, none, which suits flat palette colours best.
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y += 1) {
    rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  }
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flat())),
    chunk('IDAT', deflateSync(rows, { level: 6 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(name: string, content: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(name, 'latin1'), content]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, check]);
}

export interface PictureOrder {
  prompt: string;
  params: JsonObject;
  /** The small line under the prompt. */
  label: string;
  /** Pictures of one prompt differ by it. */
  variant: number;
}

/** The most lines worth setting in each size: a long prompt gets smaller letters instead. */
const maxLines = [3, 6, 40];

/** A PNG of a landscape in colours of the prompt, with the prompt set below it as a caption. */
export function renderPicture({ prompt, params, label, variant }: PictureOrder): Buffer {
  const { width, height } = pictureSize(params);
  const canvas: Canvas = { width, height, pixels: new Uint8Array(width * height) };
  const random = new RandomStream(variant, prompt);
  const palette = landscapePalette(random);
  const captionHeight = drawCaption(canvas, prompt, label);
  drawLandscape(canvas, height - captionHeight, random);
  return encodePalettePng(canvas, palette);
}

/** A 1x1 PNG, for benchmarks that do not look at pictures. */
export const tinyPicture = encodePalettePng({ width: 1, height: 1, pixels: new Uint8Array(1) }, [
  [120, 160, 200],
]);

/** A picture on which nothing is. */
export const flatPicture = encodePalettePng(
  { width: 640, height: 640, pixels: new Uint8Array(640 * 640) },
  [[0, 0, 0]],
);

/** One of 64x64 pixels, striped. */
export const smallPicture = encodePalettePng(
  { width: 64, height: 64, pixels: new Uint8Array(64 * 64).map((_, at) => (at >> 2) % 2) },
  [
    [120, 160, 200],
    [240, 230, 210],
  ],
);

/** Draws the caption at the bottom and tells how high it is. */
function drawCaption(canvas: Canvas, prompt: string, label: string): number {
  const { width, height, pixels } = canvas;
  const labelFont = fonts.at(-1) as Font;
  const margin = Math.max(4, Math.round(Math.min(width, height) / 24));
  // A picture as flat or as narrow as a ribbon has room for the prompt alone.
  const labelHeight = Math.min(width, height) < 200 ? 0 : labelFont.lineHeight + margin / 2;
  const room = Math.max(labelFont.lineHeight, height * 0.5 - 2 * margin - labelHeight);
  const { font, lines } = setText(prompt, width - 2 * margin, room);
  const textHeight = Math.round(lines.length * font.lineHeight + labelHeight);
  const captionHeight = Math.min(height, textHeight + 2 * margin);
  const top = height - captionHeight;
  pixels.fill(shades.ink, top * width);
  lines.forEach((line, index) => {
    const y = top + margin + index * font.lineHeight;
    drawLine(canvas, line, { font, x: margin, y, inkStart: shades.ink });
  });
  if (labelHeight === 0) return captionHeight;
  const y = height - margin - labelFont.lineHeight;
  const [line = ''] = breakLines(readable(label, labelFont), labelFont, width - 2 * margin);
  drawLine(canvas, line, { font: labelFont, x: margin, y, inkStart: shades.label });
  return captionHeight;
}

function setText(text: string, width: number, room: number): { font: Font; lines: string[] } {
  for (const [index, font] of fonts.entries()) {
    const lines = breakLines(readable(text, font), font, width);
    const fitting = Math.min(maxLines[index] ?? 1, Math.max(1, Math.floor(room / font.lineHeight)));
    const isLast = index === fonts.length - 1;
    if (isLast || lines.length <= fitting) return { font, lines: cutLines(lines, fitting) };
  }
  return { font: fonts[0] as Font, lines: [] };
}

/** Sky, sun and three hills in the topmost rows of the canvas. */
function drawLandscape(canvas: Canvas, rows: number, random: RandomStream): void {
  drawSky(canvas, rows);
  drawSun(canvas, rows, random);
  for (const depth of [0, 1, 2]) drawHill(canvas, rows, { depth, random });
}

function drawSky({ width, pixels }: Canvas, rows: number): void {
  for (let row = 0; row < rows; row += 1) {
    const step = Math.floor((row / rows) * shades.skySteps);
    pixels.fill(shades.sky + step, row * width, (row + 1) * width);
  }
}

function drawSun({ width, pixels }: Canvas, rows: number, random: RandomStream): void {
  const radius = Math.min(width, rows) * (0.09 + 0.05 * random.next());
  const centreX = width * (0.2 + 0.6 * random.next());
  const centreY = rows * (0.22 + 0.22 * random.next());
  const top = Math.max(0, Math.floor(centreY - radius - 1));
  for (let row = top; row < Math.min(rows, centreY + radius + 1); row += 1) {
    for (let column = 0; column < width; column += 1) {
      const inside = radius + 0.5 - Math.hypot(column - centreX, row - centreY);
      const level = coverage(inside);
      if (level > 0) pixels[row * width + column] = shades.sun + level - 1;
    }
  }
}

function drawHill(
  { width, pixels }: Canvas,
  rows: number,
  { depth, random }: { depth: number; random: RandomStream },
): void {
  const base = rows * (0.58 + 0.16 * depth);
  const swell = Math.min(rows, width) * (0.1 - 0.02 * depth);
  const [phase, ripplePhase] = [random.next() * 7, random.next() * 7];
  const waves = (1 + random.next()) * (width / Math.max(width, rows));
  const first = shades.hills + depth * shades.stepsPerHill;
  for (let column = 0; column < width; column += 1) {
    const angle = (column / width) * 2 * Math.PI * waves;
    const ridge =
      base - swell * (Math.sin(angle + phase) + 0.3 * Math.sin(2.7 * angle + ripplePhase));
    for (let row = Math.max(0, Math.floor(ridge)); row < rows; row += 1) {
      const level = coverage(row + 1 - ridge);
      if (level > 0) pixels[row * width + column] = first + level - 1;
    }
  }
}

/** How much of a pixel is covered, in quarters. */
function coverage(share: number): number {
  return Math.max(0, Math.min(4, Math.round(share * 4)));
}

/** One line of spaces between words, in characters that the font has as far as that can be done. */
function readable(text: string, font: Font): string {
  const known = (character: string) => font.glyphs.has(character);
  const spell = (character: string) => {
    if (known(character)) return character;
    const plain = character.normalize('NFKD').replace(/[\p{M}\p{Cf}\p{Cc}]/gu, '');
    return [...plain].every(known) ? plain : character;
  };
  return [...text.replace(/\s+/g, ' ').trim()].map(spell).join('');
}

/** Breaks at spaces, and inside a word that is wider than a line. */
function breakLines(text: string, font: Font, maxWidth: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((word) => breakWord(word, font, maxWidth))) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && widthOf(longer, font) > maxWidth) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return line === '' ? lines : [...lines, line];
}

/** The first lines, the last of them ending in an ellipsis where something is left out. */
function cutLines(lines: string[], count: number): string[] {
  if (lines.length <= count) return lines;
  return lines.slice(0, count).map((line, index) => {
    return index === count - 1 ? `${line.slice(0, -2).trimEnd()}…` : line;
  });
}

/** Draws a line with its top left corner at x, y; `inkStart` is the palette index of no ink, the 15 after it of more. */
function drawLine(
  canvas: Canvas,
  text: string,
  { font, x, y, inkStart }: { font: Font; x: number; y: number; inkStart: number },
): void {
  let pen = x;
  for (const character of text) {
    const glyph = font.glyphs.get(character) ?? boxGlyph(font);
    stamp(canvas, glyph, { x: Math.round(pen), y, inkStart });
    pen += glyph.advance;
  }
}

function stamp(
  canvas: Canvas,
  { bitmap, left, top, width, height }: Glyph,
  { x, y, inkStart }: { x: number; y: number; inkStart: number },
): void {
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const pair = bitmap[pixel >> 1] ?? 0;
    const ink = pixel % 2 === 0 ? pair >> 4 : pair & 15;
    const column = x + left + (pixel % width);
    const row = y + top + Math.floor(pixel / width);
    if (ink === 0 || column >= canvas.width || row >= canvas.height) continue;
    const index = row * canvas.width + column;
    // Neighbouring glyphs may touch: the darker of the two.
    canvas.pixels[index] = Math.max(canvas.pixels[index] ?? 0, inkStart + ink);
  }
}

function widthOf(text: string, font: Font): number {
  let width = 0;
  for (const character of text) width += (font.glyphs.get(character) ?? boxGlyph(font)).advance;
  return width;
}

function breakWord(word: string, font: Font, maxWidth: number): string[] {
  const parts: string[] = [];
  let part = '';
  for (const character of word) {
    if (part !== '' && widthOf(part + character, font) > maxWidth) {
      parts.push(part);
      part = '';
    }
    part += character;
  }
  return [...parts, part];
}

const boxes = new Map<number, Glyph>();

/** What stands for a character that the font lacks. */
function boxGlyph({ pixels }: Font): Glyph {
  const made = boxes.get(pixels) ?? makeBox(pixels);
  boxes.set(pixels, made);
  return made;
}

function makeBox(pixels: number): Glyph {
  const side = Math.round((pixels * 0.62) / 2) * 2;
  const bitmap = new Uint8Array((side * side) / 2);
  for (let pixel = 0; pixel < side * side; pixel += 1) {
    const [column, row] = [pixel % side, Math.floor(pixel / side)];
    const edge = Math.min(column, row, side - 1 - column, side - 1 - row) < pixels / 16;
    if (edge) bitmap[pixel >> 1] = (bitmap[pixel >> 1] ?? 0) | (pixel % 2 === 0 ? 0x80 : 0x08);
  }
  const top = Math.round(pixels * 0.32);
  return { advance: side * 1.2, left: 1, top, width: side, height: side, bitmap };
}

interface Glyph {
  /** How far the pen moves, in pixels and parts of them. */
  advance: number;
  left: number;
  /** From the top of the line. */
  top: number;
  width: number;
  height: number;
  /** 4 bits a pixel, 0 for none to 15 for full ink. */
  bitmap: Uint8Array;
}

/** One size of the bundled lettering (Roboto, Apache License 2.0; see the data file). */
interface Font {
  pixels: number;
  lineHeight: number;
  glyphs: Map<string, Glyph>;
}

const bytesPerEntry = 8;

/** The sizes there are, largest first. */
const fonts: readonly Font[] = glyphData.sizes.map(({ pixels, ascent, descent, packed }) => ({
  pixels,
  lineHeight: ascent + descent,
  glyphs: unpack(inflateRawSync(Buffer.from(packed, 'base64'))),
}));

function unpack(raw: Buffer): Map<string, Glyph> {
  const count = raw.readUInt16BE(0);
  const glyphs = new Map<string, Glyph>();
  let bitmapStart = 2 + count * bytesPerEntry;
  for (let entry = 2; glyphs.size < count; entry += bytesPerEntry) {
    const width = raw.readUInt8(entry + 6);
    const height = raw.readUInt8(entry + 7);
    const bitmapEnd = bitmapStart + Math.ceil((width * height) / 2);
    glyphs.set(String.fromCodePoint(raw.readUInt16BE(entry)), {
      advance: raw.readUInt16BE(entry + 2) / 8,
      left: raw.readInt8(entry + 4),
      top: raw.readInt8(entry + 5),
      width,
      height,
      bitmap: raw.subarray(bitmapStart, bitmapEnd),
    });
    bitmapStart = bitmapEnd;
  }
  return glyphs;
}

/** Where each run of shades starts in the palette. */
const shades = {
  sky: 0,
  skySteps: 48,
  sun: 48,
  hills: 52,
  /** Each hill's edge and body: three mixes with what is behind it, then its own colour. */
  stepsPerHill: 4,
  ink: 64,
  label: 80,
} as const;

interface Daytime {
  top: number;
  horizon: number;
  backHill: number;
  frontHill: number;
  chroma: number;
}

/** Lightness of each part by day, at dusk and by night; dark colours carry less chroma. */
const day = { top: 0.74, horizon: 0.94, backHill: 0.76, frontHill: 0.44, chroma: 0.085 };
const dusk = { top: 0.6, horizon: 0.9, backHill: 0.66, frontHill: 0.34, chroma: 0.085 };
const night = { top: 0.32, horizon: 0.68, backHill: 0.48, frontHill: 0.23, chroma: 0.06 };
const daytimes: readonly Daytime[] = [day, day, dusk, dusk, night];

/** A palette for one landscape and its caption: a sky from blue to rose, a ground from green to violet. */
function landscapePalette(random: RandomStream): Colour[] {
  const skyHue = 215 + 135 * random.next();
  const hue = 150 + 150 * random.next();
  const daytime = daytimes[Math.floor(random.next() * daytimes.length)] ?? day;
  const { top, horizon, backHill, frontHill, chroma } = daytime;
  const skyTop = oklch(top, chroma * 1.15, skyHue);
  const skyLow = oklch(horizon, chroma * 0.85, skyHue + 70);
  const sun = oklch(0.97, 0.07, 85);
  const hills = [0, 0.5, 1].map((depth) =>
    oklch(mixNumber(backHill, frontHill, depth), chroma * 0.9, hue - 20 * depth),
  );
  const paper = oklch(0.985, 0.012, hue);
  const ink = oklch(0.27, 0.04, hue);
  const steps = Array.from({ length: shades.skySteps }, (_, step) => step / (shades.skySteps - 1));
  const behind = [mix(skyTop, skyLow, 0.7), ...hills];
  return [
    ...steps.map((share) => mix(skyTop, skyLow, share)),
    ...quarters(mix(skyTop, skyLow, 0.6), sun),
    ...hills.flatMap((hill, index) => quarters(behind[index] ?? skyLow, hill)),
    ...inks(paper, ink),
    ...inks(paper, mix(ink, paper, 0.45)),
  ];
}

function quarters(from: Colour, to: Colour): Colour[] {
  return [0.25, 0.5, 0.75, 1].map((share) => mix(from, to, share));
}

function inks(paper: Colour, ink: Colour): Colour[] {
  return Array.from({ length: 16 }, (_, step) => mix(paper, ink, step / 15));
}

function mix(from: Colour, to: Colour, share: number): Colour {
  return from.map((part, index) =>
    Math.round(mixNumber(part, to[index] ?? part, share)),
  ) as unknown as Colour;
}

function mixNumber(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

/** Oklch to sRGB, by Ottosson's matrices: equal lightness looks equally light in every hue. */
function oklch(lightness: number, chroma: number, hueDegrees: number): Colour {
  const hue = (hueDegrees * Math.PI) / 180;
  const [a, b] = [chroma * Math.cos(hue), chroma * Math.sin(hue)];
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    toByte(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
    toByte(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
    toByte(-0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short),
  ];
}

function toByte(linear: number): number {
  const clamped = Math.min(1, Math.max(0, linear));
  const encoded = clamped <= 0.0031308 ? 12.92 * clamped : 1.055 * clamped ** (1 / 2.4) - 0.055;
  return Math.round(255 * encoded);
}

const longSide = 640;
const keys = ['aspect_ratio', 'aspectRatio', 'size', 'image_size', 'imageSize'];

/** The picture's size in pixels from whichever shape param a model has; square where none is readable. */
function pictureSize(params: JsonObject): { width: number; height: number } {
  for (const key of keys) {
    const ratio = readRatio(String(params[key] ?? ''));
    if (ratio !== null) return sizeOf(ratio);
  }
  return sizeOf(1);
}

/** Width over height of `16:9`, `portrait_4_3`, `landscape` and the like. */
function readRatio(text: string): number | null {
  const named = /^(portrait|landscape)(?:_(\d+)_(\d+))?$/.exec(text);
  if (named) {
    const ratio = Number(named[2] ?? 16) / Number(named[3] ?? 9);
    const wide = Math.max(ratio, 1 / ratio);
    return named[1] === 'portrait' ? 1 / wide : wide;
  }
  const [, width, height] = /^(\d+):(\d+)$/.exec(text) ?? [];
  const ratio = Number(width) / Number(height);
  return ratio > 0 && Number.isFinite(ratio) ? ratio : null;
}

function sizeOf(ratio: number): { width: number; height: number } {
  return ratio >= 1
    ? { width: longSide, height: Math.max(1, Math.round(longSide / ratio)) }
    : { width: Math.max(1, Math.round(longSide * ratio)), height: longSide };
}
