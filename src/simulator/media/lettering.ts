import type { Font, Glyph } from './font.js';
import type { Canvas } from './palette-png.js';

/** One line of spaces between words, in characters that the font has as far as that can be done. */
export function readable(text: string, font: Font): string {
  const known = (character: string) => font.glyphs.has(character);
  const spell = (character: string) => {
    if (known(character)) return character;
    const plain = character.normalize('NFKD').replace(/[\p{M}\p{Cf}\p{Cc}]/gu, '');
    return [...plain].every(known) ? plain : character;
  };
  return [...text.replace(/\s+/g, ' ').trim()].map(spell).join('');
}

/** Breaks at spaces, and inside a word that is wider than a line. */
export function breakLines(text: string, font: Font, maxWidth: number): string[] {
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
export function cutLines(lines: string[], count: number): string[] {
  if (lines.length <= count) return lines;
  return lines.slice(0, count).map((line, index) => {
    return index === count - 1 ? `${line.slice(0, -2).trimEnd()}…` : line;
  });
}

/** Draws a line with its top left corner at x, y; `inkStart` is the palette index of no ink, the 15 after it of more. */
export function drawLine(
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
