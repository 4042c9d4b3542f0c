import type { JsonObject } from '../../shared/json.js';

const longSide = 640;
const keys = ['aspect_ratio', 'aspectRatio', 'size', 'image_size', 'imageSize'];

/** The picture's size in pixels from whichever shape param a model has; square where none is readable. */
export function pictureSize(params: JsonObject): { width: number; height: number } {
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
