import type { JsonObject } from '../../shared/json.js';
import { RandomStream } from '../random-stream.js';
import { landscapePalette, shades } from './colours.js';
import { type Font, fonts } from './font.js';
import { drawLandscape } from './landscape.js';
import { breakLines, cutLines, drawLine, readable } from './lettering.js';
import { type Canvas, encodePalettePng } from './palette-png.js';
import { pictureSize } from './picture-size.js';

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
