import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type Measure, makeToMeasure, placeIn } from '../../src/pictures/make-to-measure.js';
import { drawing } from './pictures.js';

const plain: Measure = { size: null, background: '#ffffff', format: 'jpeg', quality: 90 };
const square = { width: 200, height: 200, fit: 'contain', enlarge: false } as const;

async function made(input: Buffer, measure: Partial<Measure>) {
  const result = await makeToMeasure(input, { ...plain, ...measure });
  if (result.kind !== 'made') throw new Error(result.reason);
  return { ...result, metadata: await sharp(result.bytes).metadata() };
}

/** Red, green, blue and, where there is one, alpha of one pixel. */
async function pixel(bytes: Buffer, left: number, top: number): Promise<number[]> {
  const part = sharp(bytes).extract({ left, top, width: 1, height: 1 });
  return [...(await part.raw().toBuffer())];
}

function expectNear(found: readonly number[], wanted: readonly number[], tolerance = 6): void {
  expect(found.length).toBe(wanted.length);
  for (const [at, value] of wanted.entries()) {
    expect(Math.abs((found[at] ?? 0) - value), `${found} is near ${wanted}`).toBeLessThanOrEqual(
      tolerance,
    );
  }
}

function flat(background: string, width = 40, height = 20) {
  return sharp({ create: { width, height, channels: 3, background } });
}

describe('where a picture goes', () => {
  it('is the middle of the size, whole, for contain', () => {
    expect(placeIn(square, { width: 400, height: 100 })).toEqual({
      ...{ crop: null, scaled: { width: 200, height: 50 }, smaller: false },
      padding: { left: 0, right: 0, top: 75, bottom: 75 },
    });
    expect(placeIn(square, { width: 51, height: 20 })).toEqual({
      ...{ crop: null, scaled: { width: 51, height: 20 }, smaller: true },
      padding: { left: 74, right: 75, top: 90, bottom: 90 },
    });
    expect(placeIn({ ...square, enlarge: true }, { width: 50, height: 20 })).toMatchObject({
      ...{ scaled: { width: 200, height: 80 }, smaller: false },
    });
    expect(placeIn(square, { width: 200, height: 200 })).toMatchObject({ padding: null });
  });

  it('is the whole size, cut from the middle of the picture, for cover', () => {
    const cover = { ...square, fit: 'cover' } as const;
    expect(placeIn(cover, { width: 800, height: 400 })).toEqual({
      ...{ crop: { left: 200, top: 0, width: 400, height: 400 }, padding: null },
      ...{ scaled: { width: 200, height: 200 }, smaller: false },
    });
    // Its shape is that of the size, and no pixel is made up.
    expect(placeIn(cover, { width: 100, height: 60 })).toMatchObject({
      ...{ crop: { left: 20, top: 0, width: 60, height: 60 }, smaller: true },
      scaled: { width: 60, height: 60 },
    });
    expect(placeIn({ ...cover, enlarge: true }, { width: 100, height: 60 })).toMatchObject({
      ...{ scaled: { width: 200, height: 200 }, smaller: false },
    });
  });

  it('is within the size, for inside, and never nothing', () => {
    const inside = { ...square, fit: 'inside' } as const;
    expect(placeIn(inside, { width: 800, height: 400 })).toMatchObject({
      ...{ scaled: { width: 200, height: 100 }, padding: null },
    });
    expect(placeIn(inside, { width: 9_000, height: 1 })).toMatchObject({
      scaled: { width: 200, height: 1 },
    });
  });
});

describe('a picture made to measure', () => {
  it('has the size and the format that were asked for, padded with the background', async () => {
    const input = await drawing(640, 480).png().toBuffer();
    for (const format of ['jpeg', 'png', 'webp', 'avif'] as const) {
      const quality = format === 'png' ? null : 80;
      const { metadata, bytes } = await made(input, {
        ...{ size: square, format, quality, background: '#336699' },
      });
      expect(metadata).toMatchObject({ width: 200, height: 200, space: 'srgb', channels: 3 });
      expect(metadata.format).toBe(format === 'avif' ? 'heif' : format);
      expectNear(await pixel(bytes, 100, 2), [0x33, 0x66, 0x99]);
    }
  });

  it('is not enlarged, and says so, unless that is asked for', async () => {
    const input = await flat('#c02020', 50, 50).png().toBuffer();
    const small = await made(input, { size: square });
    expect(small).toMatchObject({ smaller: true, metadata: { width: 200, height: 200 } });
    expectNear(await pixel(small.bytes, 60, 100), [255, 255, 255]);
    const inside = await made(input, { size: { ...square, fit: 'inside' } });
    expect(inside).toMatchObject({ smaller: true, metadata: { width: 50, height: 50 } });
    const large = await made(input, { size: { ...square, enlarge: true } });
    expect(large.smaller).toBe(false);
    expectNear(await pixel(large.bytes, 2, 100), [0xc0, 0x20, 0x20]);
  });

  it('stands upright, and is measured so', async () => {
    const right = { input: await flat('#0000ff', 20, 20).png().toBuffer(), left: 20, top: 0 };
    const turned = flat('#e00000', 40, 20).composite([right]).withMetadata({ orientation: 6 });
    const input = await turned.jpeg({ quality: 100 }).toBuffer();
    const { metadata, bytes } = await made(input, { quality: 100 });
    expect(metadata).toMatchObject({ width: 20, height: 40 });
    expect(metadata.orientation ?? 1).toBe(1);
    expectNear(await pixel(bytes, 10, 5), [0xe0, 0, 0], 12);
    expectNear(await pixel(bytes, 10, 35), [0, 0, 255], 12);
    const cover = await made(input, {
      size: { ...square, width: 10, height: 20, fit: 'cover' },
      quality: 100,
    });
    expect(cover.metadata).toMatchObject({ width: 10, height: 20 });
    expectNear(await pixel(cover.bytes, 5, 2), [0xe0, 0, 0], 12);
  });

  it('is in sRGB with its profile: of CMYK, of a wider space, of grey in 16 bits', async () => {
    const seen = '#b04030';
    const inputs = {
      cmyk: await flat(seen).toColourspace('cmyk').withIccProfile('cmyk').jpeg().toBuffer(),
      p3: await flat(seen).withIccProfile('p3').png().toBuffer(),
    };
    expect((await sharp(inputs.cmyk).metadata()).space).toBe('cmyk');
    // The same numbers in another space are another colour: without the conversion this would be far off.
    expectNear(
      await pixel(await sharp(inputs.p3, { ignoreIcc: true }).png().toBuffer(), 5, 5),
      [163, 72, 55],
    );
    for (const [space, input] of Object.entries(inputs)) {
      const { metadata, bytes } = await made(input, { format: 'png', quality: null });
      expect(metadata, space).toMatchObject({ space: 'srgb', channels: 3, depth: 'uchar' });
      // Its name stands there in UTF-16.
      expect(metadata.icc?.toString('latin1').replaceAll('\0', ''), space).toContain('sRGB');
      expectNear(await pixel(bytes, 5, 5), [0xb0, 0x40, 0x30], space === 'cmyk' ? 24 : 4);
    }
    const bare = await flat(seen).toColourspace('cmyk').jpeg().toBuffer();
    expect((await made(bare, {})).metadata).toMatchObject({ space: 'srgb', channels: 3 });
    const grey = await flat('#808080').toColourspace('grey16').png().toBuffer();
    const { metadata, bytes } = await made(grey, {});
    expect(metadata).toMatchObject({ space: 'srgb', channels: 3 });
    expectNear(await pixel(bytes, 5, 5), [0x80, 0x80, 0x80]);
  });

  it('lies on the background where it is transparent, or stays so', async () => {
    const red = { r: 200, g: 0, b: 0, alpha: 0.5 };
    const input = await sharp({ create: { width: 40, height: 40, channels: 4, background: red } })
      .png()
      .toBuffer();
    const onWhite = await made(input, {});
    expectNear(await pixel(onWhite.bytes, 20, 20), [228, 128, 128]);
    const onBlack = await made(input, { background: '#000000', format: 'png', quality: null });
    expectNear(await pixel(onBlack.bytes, 20, 20), [100, 0, 0]);
    const size = { ...square, width: 80, height: 40 };
    const kept = await made(input, {
      ...{ background: 'transparent', format: 'webp', quality: 90, size },
    });
    expect(kept.metadata).toMatchObject({ hasAlpha: true, width: 80, height: 40 });
    expectNear(await pixel(kept.bytes, 40, 20), [200, 0, 0, 128]);
    expect((await pixel(kept.bytes, 2, 20))[3]).toBe(0);
  });

  it('carries nothing else of what it came with', async () => {
    const input = await flat('#336699')
      .withExif({ IFD0: { Copyright: 'somebody', ImageDescription: 'a place' } })
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"><x>secret</x></x:xmpmeta>')
      .jpeg()
      .toBuffer();
    expect((await sharp(input).metadata()).exif).toBeDefined();
    for (const format of ['jpeg', 'png', 'webp', 'avif'] as const) {
      const { metadata } = await made(input, { format, quality: format === 'png' ? null : 80 });
      const { exif, xmp, iptc } = metadata;
      expect([exif, xmp, iptc]).toEqual([undefined, undefined, undefined]);
    }
  });

  it('is impossible of what cannot be decoded whole, and that is said', async () => {
    const whole = await drawing(200, 200).jpeg().toBuffer();
    for (const input of [Buffer.from('no picture'), whole.subarray(0, whole.length / 2)]) {
      expect(await makeToMeasure(input, plain)).toEqual({
        kind: 'impossible',
        reason: expect.stringMatching(/^no picture can be made of it \(.+\)$/),
      });
    }
  });
});
