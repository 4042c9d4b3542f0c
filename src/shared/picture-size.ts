/** In pixels. */
export interface PictureSize {
  width: number;
  height: number;
}

/** As it is typed and told: `512x512`. */
export function sizeText({ width, height }: PictureSize): string {
  return `${width}x${height}`;
}

/** Null for what is no size. */
export function parseSize(text: string): PictureSize | null {
  const [, width, height] = /^([1-9]\d{0,5})\s*[xX×]\s*([1-9]\d{0,5})$/.exec(text.trim()) ?? [];
  return width === undefined ? null : { width: Number(width), height: Number(height) };
}
