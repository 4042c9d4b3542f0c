import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  hasThumbnail,
  makeMissingThumbnails,
  makeThumbnail,
  thumbnailPath,
} from '../../src/pictures/thumbnails.js';
import { drawing } from './pictures.js';

let out: string;
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'thumbnails-'));
});
afterEach(() => rm(out, { recursive: true, force: true }));

const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function save(name: string, bytes: Buffer) {
  const path = join(out, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  return { path, sha256: hashOf(bytes) };
}

test('a thumbnail is a WebP of 384 pixels, named by the content, and made once', async () => {
  const picture = await save('a.png', await drawing(800, 400).png().toBuffer());
  expect(await makeThumbnail(out, picture)).toBe('made');
  const path = thumbnailPath(picture.sha256);
  expect(path).toBe(`.thumbnails/${picture.sha256.slice(0, 2)}/${picture.sha256}.webp`);
  const { format, width, height } = await sharp(join(out, path)).metadata();
  expect({ format, width, height }).toEqual({ format: 'webp', width: 384, height: 192 });
  expect(await makeThumbnail(out, picture)).toBe('there');
  expect(await readdir(dirname(join(out, path)))).toEqual([`${picture.sha256}.webp`]);
});

test('a small picture is not enlarged, and bytes do as well as a file', async () => {
  const bytes = await drawing(40, 30).png().toBuffer();
  const sha256 = hashOf(bytes);
  expect(await makeThumbnail(out, { bytes, sha256 })).toBe('made');
  const { width, height } = await sharp(join(out, thumbnailPath(sha256))).metadata();
  expect({ width, height }).toEqual({ width: 40, height: 30 });
});

test('a turned photograph stands upright, and CMYK becomes sRGB', async () => {
  const bytes = await drawing(200, 100)
    .toColourspace('cmyk')
    .withMetadata({ orientation: 6, icc: 'cmyk' })
    .jpeg()
    .toBuffer();
  expect(await sharp(bytes).metadata()).toMatchObject({ space: 'cmyk', orientation: 6 });
  const sha256 = hashOf(bytes);
  expect(await makeThumbnail(out, { bytes, sha256 })).toBe('made');
  const { width, height, space } = await sharp(join(out, thumbnailPath(sha256))).metadata();
  expect({ width, height, space }).toEqual({ width: 100, height: 200, space: 'srgb' });
});

test('what is no picture, and an SVG with whatever it would do, has none', async () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="4"/></svg>';
  for (const text of ['no picture at all', svg]) {
    const bytes = Buffer.from(text);
    expect(await makeThumbnail(out, { bytes, sha256: hashOf(bytes) })).toBe('impossible');
  }
  expect(await readdir(out)).toEqual([]);
});

test('of a picture that is cut short, what there is of it is shown', async () => {
  const whole = await drawing().jpeg().toBuffer();
  const bytes = whole.subarray(0, whole.length >> 1);
  expect(await makeThumbnail(out, { bytes, sha256: hashOf(bytes) })).toBe('made');
});

test('a folder that is gone does not begin again', async () => {
  const bytes = await drawing(40, 30).png().toBuffer();
  await rm(out, { recursive: true });
  expect(await makeThumbnail(out, { bytes, sha256: hashOf(bytes) })).toBe('impossible');
  await expect(access(out)).rejects.toThrow();
});

test('a thumbnail that a power cut left empty is made again', async () => {
  const picture = await save('a.png', await drawing(40, 30).png().toBuffer());
  await save(thumbnailPath(picture.sha256), Buffer.alloc(0));
  expect(await hasThumbnail(out, picture.sha256)).toBe(false);
  expect(await makeThumbnail(out, picture)).toBe('made');
  expect((await readFile(join(out, thumbnailPath(picture.sha256)))).length).toBeGreaterThan(0);
});

test('those that are missing in a folder are made, and no others', async () => {
  const assets = [];
  for (let size = 10; size < 20; size += 1) {
    const name = `assets/${size}.png`;
    const { path, sha256 } = await save(name, await drawing(size, 10).png().toBuffer());
    if (size === 10) await makeThumbnail(out, { path, sha256 });
    assets.push({ path: name, sha256, media_type: 'image/png' });
  }
  const gone = { path: 'assets/gone.png', sha256: '0'.repeat(64), media_type: 'image/png' };
  const text = { path: 'assets/a.txt', sha256: '1'.repeat(64), media_type: 'text/plain' };
  let told = 0;
  const counts = await makeMissingThumbnails(out, [...assets, gone, text], {
    onProgress: () => {
      told += 1;
    },
  });
  expect(counts).toEqual({ made: 9, there: 1, impossible: 1 });
  expect(told).toBe(11);
  for (const { sha256 } of assets) expect(await hasThumbnail(out, sha256)).toBe(true);
});

test('what is told to stop makes no more', async () => {
  const picture = await save('a.png', await drawing(40, 30).png().toBuffer());
  const asset = { path: 'a.png', sha256: picture.sha256, media_type: 'image/png' };
  const counts = await makeMissingThumbnails(out, [asset], { signal: AbortSignal.abort() });
  expect(counts).toEqual({ made: 0, there: 0, impossible: 0 });
});
