import { inflateRawSync } from 'node:zlib';
import glyphData from './lettering-glyphs.json' with { type: 'json' };

export interface Glyph {
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
export interface Font {
  pixels: number;
  lineHeight: number;
  glyphs: Map<string, Glyph>;
}

const bytesPerEntry = 8;

/** The sizes there are, largest first. */
export const fonts: readonly Font[] = glyphData.sizes.map(
  ({ pixels, ascent, descent, packed }) => ({
    pixels,
    lineHeight: ascent + descent,
    glyphs: unpack(inflateRawSync(Buffer.from(packed, 'base64'))),
  }),
);

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
