import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { fileTypeFromBuffer } from 'file-type';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judgePicture } from '../../src/pictures/judge-picture.js';
import type { PictureSize } from '../../src/shared/picture-size.js';
import { animation, drawing, plain } from './pictures.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pictures-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let count = 0;
async function judge(bytes: Buffer, least: PictureSize | null = null, mediaType?: string) {
  count += 1;
  const path = join(folder, String(count));
  await writeFile(path, bytes);
  const found = mediaType ?? (await fileTypeFromBuffer(bytes))?.mime ?? '';
  const { size, fault } = await judgePicture(path, found, least);
  return { size: size && `${size.width}x${size.height}`, fault };
}

const drawingIn = (make: (picture: Sharp) => Sharp) => {
  const made = make(drawing()).toBuffer();
  return async () => Buffer.from(await made);
};

/** A drawing in every format that is decoded here. */
const formats = {
  jpeg: drawingIn((picture) => picture.jpeg()),
  'progressive jpeg': drawingIn((picture) => picture.jpeg({ progressive: true })),
  png: drawingIn((picture) => picture.png()),
  'interlaced png': drawingIn((picture) => picture.png({ progressive: true })),
  webp: drawingIn((picture) => picture.webp()),
  'lossless webp': drawingIn((picture) => picture.webp({ lossless: true })),
  gif: drawingIn((picture) => picture.gif()),
  avif: drawingIn((picture) => picture.avif({ effort: 0 })),
};

const right = { size: '640x480', fault: null };

describe('a picture that is in order', () => {
  it.each(Object.entries(formats))('%s', async (_name, make) => {
    expect(await judge(await make())).toEqual(right);
  });

  it.each([
    ['CMYK', () => drawing().toColourspace('cmyk').withIccProfile('cmyk').jpeg().toBuffer()],
    ['grey', () => drawing().greyscale().toColourspace('b-w').jpeg().toBuffer()],
    ['16 bits', () => drawing().toColourspace('rgb16').png().toBuffer()],
    ['a palette', () => drawing().png({ palette: true, colours: 4 }).toBuffer()],
    ['TIFF', () => drawing().tiff({ compression: 'lzw' }).toBuffer()],
  ])('in %s', async (_name, make) => {
    expect(await judge(await make())).toEqual(right);
  });

  it('that is turned by its EXIF has the size that one sees', async () => {
    const turned = await drawing().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await judge(turned)).toEqual({ size: '480x640', fault: null });
  });

  it.each(['webp', 'gif'] as const)('that moves (%s)', async (format) => {
    const bytes = await (await animation()).toFormat(format).toBuffer();
    expect((await sharp(bytes).metadata()).pages).toBe(4);
    expect(await judge(bytes)).toEqual({ size: '120x90', fault: null });
  });

  it('that moves, and begins black', async () => {
    const frames = [plain('black', 60, 60), plain('white', 60, 60)];
    const bytes = await Promise.all(frames.map((frame) => frame.png().toBuffer()));
    const film = await sharp(bytes, { join: { animated: true } })
      .webp()
      .toBuffer();
    expect(await judge(film)).toEqual({ size: '60x60', fault: null });
  });

  it('of a black shape on nothing', async () => {
    const shape = await sharp({
      create: { width: 64, height: 64, channels: 4, background: '#000' },
    })
      .extend({ top: 40, bottom: 40, left: 40, right: 40, background: '#0000' })
      .png()
      .toBuffer();
    expect(await judge(shape)).toEqual({ size: '144x144', fault: null });
  });

  it.each(['png', 'jpeg', 'webp'] as const)(
    'of one colour but for a small logo (%s)',
    async (format) => {
      const logo = await plain('#c00', 12, 12).png().toBuffer();
      const sheet = plain('#fff', 3000, 2000).composite([{ input: logo, left: 2000, top: 1500 }]);
      expect(await judge(await sheet.toFormat(format).toBuffer())).toEqual({
        size: '3000x2000',
        fault: null,
      });
    },
  );

  it('of one colour but for a single dot', async () => {
    const dot = await plain('#ddd', 1, 1).png().toBuffer();
    const sheet = plain('#fff', 1500, 1000).composite([{ input: dot, left: 900, top: 700 }]);
    expect((await judge(await sheet.png().toBuffer())).fault).toBeNull();
  });

  it('of white paper with a faint grain', async () => {
    const grain = { type: 'gaussian', mean: 248, sigma: 2 } as const;
    const paper = sharp({
      create: { width: 500, height: 500, channels: 3, background: '#fff', noise: grain },
    });
    expect((await judge(await paper.png().toBuffer())).fault).toBeNull();
  });

  it.each([
    [1, 'gif'],
    [12, 'png'],
    [2, 'jpeg'],
    [2, 'progressive jpeg'],
    [1, 'jpeg'],
  ] as const)('without its end marker: the last %i bytes of %s', async (bytes, format) => {
    const whole = await formats[format]();
    expect(await judge(whole.subarray(0, -bytes))).toEqual(right);
  });

  it.each(Object.entries(formats))('with something behind its end: %s', async (_name, make) => {
    expect(await judge(Buffer.concat([await make(), Buffer.alloc(500, 65)]))).toEqual(right);
  });

  it.each([
    ['a colour profile', 'ICC_PROFILE', 20, 160],
    ['EXIF', 'Exif', 6, 30],
  ])('with %s that nobody can read', async (_name, mark, from, length) => {
    const bytes = await drawing()
      .withIccProfile('p3')
      .withExif({ IFD0: { Copyright: 'x' } })
      .jpeg();
    const broken = await bytes.toBuffer();
    const at = broken.indexOf(mark);
    expect(at).toBeGreaterThan(0);
    broken.fill(0x99, at + from, at + from + length);
    expect((await judge(broken)).fault).toBeNull();
  });

  it('so small that one colour is all it has room for', async () => {
    expect(await judge(await plain('red', 1, 1).png().toBuffer())).toEqual({
      size: '1x1',
      fault: null,
    });
    expect((await judge(await plain('red', 7, 7).png().toBuffer())).fault).toBeNull();
  });
});

describe('a picture that is none', () => {
  const cut = ['jpeg', 'progressive jpeg', 'png', 'interlaced png', 'webp', 'gif', 'avif'] as const;
  it.each(cut.flatMap((format) => [30, 70, 99].map((percent) => [format, percent] as const)))(
    'is cut short: %s at %i %%',
    async (format, percent) => {
      const whole = await formats[format]();
      const { fault } = await judge(whole.subarray(0, (whole.length * percent) / 100));
      expect(fault).toMatch(/^does not decode as a whole \(.+\)$/);
      expect(fault).not.toContain(folder);
    },
  );

  it.each(['png', 'webp'] as const)('is damaged: %s', async (format) => {
    const bytes = await formats[format]();
    bytes.fill(0x5a, bytes.length >> 1, (bytes.length >> 1) + 64);
    expect((await judge(bytes)).fault).toContain('does not decode');
  });

  it.each(['jpeg', 'png', 'gif'] as const)('begins like a picture: %s', async (format) => {
    const bytes = await formats[format]();
    const start = Buffer.concat([bytes.subarray(0, 40), Buffer.alloc(2000)]);
    expect((await judge(start, null, `image/${format}`)).fault).toContain('does not decode');
  });

  it.each([
    ['black', 'png'],
    ['#808080', 'jpeg'],
    ['#37a', 'webp'],
    ['white', 'gif'],
    ['#37a', 'avif'],
  ] as const)('is one flat colour: %s as %s', async (colour, format) => {
    const { fault } = await judge(await plain(colour).toFormat(format).toBuffer());
    expect(fault).toBe('is one flat colour');
  });

  it('is one flat colour in CMYK, in 16 bits, or throughout an animation', async () => {
    const cmyk = await plain('#37a').toColourspace('cmyk').withIccProfile('cmyk').jpeg().toBuffer();
    const deep = await plain('#37a').toColourspace('rgb16').png().toBuffer();
    const frame = await plain('black', 60, 60).png().toBuffer();
    const film = await sharp([frame, frame], { join: { animated: true } })
      .webp()
      .toBuffer();
    for (const bytes of [cmyk, deep, film]) {
      expect((await judge(bytes)).fault).toBe('is one flat colour');
    }
  });

  it('shows nothing at all', async () => {
    const bytes = await drawing().ensureAlpha(0).png().toBuffer();
    expect((await judge(bytes)).fault).toBe('is transparent throughout');
  });

  it('is smaller than what is wanted, as one sees it', async () => {
    const bytes = await drawing(300, 600).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await judge(bytes, { width: 600, height: 300 })).toEqual({
      size: '600x300',
      fault: null,
    });
    expect((await judge(bytes, { width: 512, height: 512 })).fault).toBe(
      'has 600x300 pixels, and at least 512x512 are wanted',
    );
  });
});

describe('what is not sure is not said', () => {
  it('of an SVG, which is not rendered', async () => {
    const bomb = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>';
    expect(await judge(Buffer.from(bomb), { width: 5, height: 5 }, 'image/svg+xml')).toEqual({
      size: null,
      fault: null,
    });
  });

  it('of formats that are not decoded here, and of TIFFs that are not', async () => {
    const strange = Buffer.concat([Buffer.from('II*\0'), Buffer.alloc(300, 1)]);
    for (const type of ['image/jxl', 'image/bmp', 'image/tiff', 'image/x-icon', 'image/heic']) {
      expect(await judge(strange, null, type)).toEqual({ size: null, fault: null });
    }
  });

  it('of a JPEG of a kind that not every decoder knows', async () => {
    const bytes = await formats.jpeg();
    // Its frame becomes a lossless one.
    bytes[bytes.indexOf(Buffer.from([0xff, 0xc0])) + 1] = 0xc3;
    expect((await judge(bytes)).fault).toBeNull();
  });

  it('of one with more pixels than fit, but for its size', async () => {
    const huge = await formats.png();
    huge.writeUInt32BE(11_000, 16);
    huge.writeUInt32BE(10_000, 20);
    huge.writeUInt32BE(crc32(huge.subarray(12, 29)), 29);
    expect(await judge(huge)).toEqual({ size: '11000x10000', fault: null });
    expect((await judge(huge, { width: 12_000, height: 1 })).fault).toContain('11000x10000');
  });

  it('of what is no picture', async () => {
    expect(await judge(Buffer.from('RIFF'), null, 'audio/wav')).toEqual({
      size: null,
      fault: null,
    });
  });

  it('where the file is gone: that is the disk', async () => {
    await expect(judgePicture(join(folder, 'gone'), 'image/png', null)).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });
});
