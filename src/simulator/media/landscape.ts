import type { RandomStream } from '../random-stream.js';
import { shades } from './colours.js';
import type { Canvas } from './palette-png.js';

/** Sky, sun and three hills in the topmost rows of the canvas. */
export function drawLandscape(canvas: Canvas, rows: number, random: RandomStream): void {
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
