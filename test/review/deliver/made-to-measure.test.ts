import { readFile, stat, unlink } from 'node:fs/promises';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { parseProfile } from '../../../src/review/deliver/profile.js';
import { drawing } from '../../pictures/pictures.js';
import { DecidedFolder } from './decided-folder.js';

const shop = parseProfile('size=200x200,fit=contain,background=#fff,format=jpeg,quality=90');

function flat(background: string, width: number, height: number) {
  return sharp({ create: { width, height, channels: 3, background } });
}

/** One brief for each file, named after it, all approved. */
async function folderOf(files: Record<string, Buffer | string>): Promise<DecidedFolder> {
  const briefs = Object.entries(files).map(([name, content]) => ({
    brief_id: name.replace(/\.\w+$/, ''),
    contents: { [name]: content },
  }));
  const folder = await DecidedFolder.make(briefs);
  await folder.decide('approved', ...briefs.map(({ brief_id: id }) => id));
  return folder;
}

describe('pictures made to measure', () => {
  it('are all of one size and kind, whatever they came as; the rest is handed over as it is', async () => {
    const still = await flat('#336699', 60, 60).gif().toBuffer();
    const frames = await Promise.all(
      ['#ff0000', '#00ff00'].map((colour) => flat(colour, 30, 30).png().toBuffer()),
    );
    const moving = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    const turned = drawing(400, 200).withMetadata({ orientation: 6 });
    const files = {
      'cmyk.jpg': await flat('#b04030', 300, 300).toColourspace('cmyk').jpeg().toBuffer(),
      'turned.jpg': await turned.jpeg().toBuffer(),
      'small.png': await flat('#336699', 50, 50).png().toBuffer(),
      'large.webp': await drawing(900, 300).webp().toBuffer(),
      'still.gif': still,
      'moving.gif': moving,
      'film.mp4': 'a film',
      'caption.txt': 'A hare',
      'logo.svg': '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    };
    const folder = await folderOf(files);
    const delivery = await folder.deliver({ profile: shop });
    expect(delivery).toMatchObject({ files: 9, written: 9, not_delivered: { count: 0 } });
    // Of 50 and of 60 pixels.
    expect(delivery.smaller).toBe(2);
    const asTheyAre = ['moving.gif', 'film.mp4', 'caption.txt', 'logo.svg'] as const;
    const made = ['cmyk', 'large', 'small', 'still', 'turned'].map((name) => `${name}.jpg`);
    expect(await folder.files()).toEqual([...made, ...asTheyAre].sort());
    for (const name of asTheyAre) {
      expect((await folder.read(name)).equals(Buffer.from(files[name]))).toBe(true);
    }
    for (const name of made) {
      const metadata = await sharp(await folder.read(name)).metadata();
      expect(metadata, name).toMatchObject({
        ...{ format: 'jpeg', width: 200, height: 200, space: 'srgb', channels: 3 },
      });
      expect(metadata.orientation ?? 1, name).toBe(1);
      expect(metadata.icc, name).toBeDefined();
    }
    expect(await folder.deliver({ profile: shop })).toMatchObject({ written: 0, smaller: 2 });
  });

  it('are made again with another profile or content, and only then', async () => {
    const folder = await folderOf({
      'a.png': await drawing(300, 300).png().toBuffer(),
      'b.png': await drawing(300, 200).png().toBuffer(),
      'c.txt': 'text',
    });
    await folder.deliver({ profile: shop });
    const before = (await stat(folder.at('a.jpg'))).ino;
    const other = parseProfile('size=100x100,format=webp');
    expect(await folder.deliver({ profile: other })).toMatchObject({ written: 2, removed: 2 });
    expect(await folder.files()).toEqual(['a.webp', 'b.webp', 'c.txt']);
    expect(await folder.deliver()).toMatchObject({ written: 2, removed: 2 });
    expect(await folder.files()).toEqual(['a.png', 'b.png', 'c.txt']);
    expect(await folder.deliver({ profile: shop })).toMatchObject({ written: 2, removed: 2 });
    expect((await stat(folder.at('a.jpg'))).ino).not.toBe(before);
    await unlink(folder.at('b.jpg'));
    expect(await folder.deliver({ profile: shop })).toMatchObject({ written: 1, removed: 0 });
  });

  it('are known without their record, as the same is made of the same', async () => {
    const folder = await folderOf({ 'a.png': await drawing(300, 300).png().toBuffer() });
    await folder.deliver({ profile: shop });
    await unlink(folder.results.at('delivered.jsonl'));
    const delivery = await folder.deliver({ profile: shop });
    expect(delivery).toMatchObject({ files: 1, written: 0, evaded: { count: 0 } });
  });

  it('are told where they cannot be made, and keep nothing else back', async () => {
    const whole = await drawing(300, 300).jpeg().toBuffer();
    const folder = await folderOf({
      'cut.jpg': whole.subarray(0, whole.length / 2),
      'none.png': 'no picture',
      'whole.jpg': whole,
    });
    const delivery = await folder.deliver({ profile: shop });
    expect(delivery).toMatchObject({ files: 1, not_delivered: { count: 2 } });
    expect(delivery.not_delivered.first.map(({ file }) => file)).toEqual([
      'assets/cut.jpg',
      'assets/none.png',
    ]);
    expect(await folder.files()).toEqual(['whole.jpg']);
    // As they are, they are files like any other.
    expect(await folder.deliver()).toMatchObject({ files: 3, not_delivered: { count: 0 } });
  });

  it('leave the results as they are (S5)', async () => {
    const bytes = await drawing(300, 300).png().toBuffer();
    const folder = await folderOf({ 'a.png': bytes });
    await folder.deliver({ profile: shop, as: 'links' });
    expect((await readFile(folder.results.at('assets/a.png'))).equals(bytes)).toBe(true);
  });
});
