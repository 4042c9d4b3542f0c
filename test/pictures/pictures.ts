import sharp, { type Create, type Sharp } from 'sharp';

/** A picture with something to see on it: pixels of chance, the same each time. */
export function drawing(width = 640, height = 480): Sharp {
  const raw = Buffer.alloc(width * height * 3);
  let seed = 1;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      const at = (y * width + x) * 3;
      raw[at] = (255 * x) / width;
      raw[at + 1] = (255 * y) / height;
      raw[at + 2] = seed % 64;
    }
  }
  return sharp(raw, { raw: { width, height, channels: 3 } });
}

/** A picture of one colour. */
export function plain(background: Create['background'], width = 640, height = 480): Sharp {
  return sharp({ create: { width, height, channels: 3, background } });
}

/** An animation of frames that grow darker. */
export async function animation(): Promise<Sharp> {
  const shades = [1, 0.8, 0.6, 0.4];
  const frames = shades.map((brightness) => drawing(120, 90).modulate({ brightness }).png());
  const bytes = await Promise.all(frames.map((frame) => frame.toBuffer()));
  return sharp(bytes, { join: { animated: true } });
}
