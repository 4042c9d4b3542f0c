import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { judgeResults, lookAtResult } from '../../src/results/result-media.js';
import type { TaskCategory } from '../../src/shared/task-category.js';
import { drawFilm } from '../../src/simulator/media/film.js';
import { tinyPicture } from '../../src/simulator/media/picture.js';
import { drawSound } from '../../src/simulator/media/sound.js';

const svg = '<svg xmlns="http://www.w3.org/2000/svg"/>';
// Of no signature, and not by chance with one.
const unknown = Buffer.concat([Buffer.from([0x00, 0xf1, 0x02]), randomBytes(300)]);

async function judge(
  content: string | Buffer,
  {
    declared = null,
    promised = 'image',
  }: { declared?: string | null; promised?: TaskCategory | null } = {},
) {
  const start = typeof content === 'string' ? Buffer.from(content) : content;
  return judgeResults([await lookAtResult(start, declared)], promised);
}

describe('a result that is none', () => {
  it.each([
    ['an HTML page', '<!doctype html><title>Just a moment...</title>', 'text/html'],
    ['an HTML page', '\ufeff\n <!-- cached -->\n<HTML><body>', 'image/png'],
    ['an HTML page', '<?xml version="1.0"?><!DOCTYPE html PUBLIC "x"><html><svg/></html>', null],
    ['an HTML page', `<html>${' inline '.repeat(900)}<svg/>`, 'image/svg+xml'],
    ['an HTML page', '<div>No</div>', null],
    ['JSON', '{"error":"expired"}', 'application/json'],
    ['JSON', '[1]', 'image/png'],
    [
      'an XML document',
      '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>',
      'image/png',
    ],
    ['an XML document', '<Error/>', null],
    ['plain text', 'Too many requests.', 'image/webp'],
    ['plain text', 'BM is how a bitmap begins, and this sentence.', null],
    ['plain text', Buffer.from('\ufeffNon trouvé', 'utf16le'), null],
    ['plain text', Buffer.from(`r\u00e9sum\u00e9 ${'x '.repeat(200)}`, 'latin1'), null],
    ['a file of type application/pdf', '%PDF-1.7\n%\u0001\u0002', 'image/png'],
    ['a sound (audio/wav)', drawSound('x'), 'image/png'],
    ['a video (video/mp4)', drawFilm(), 'video/mp4'],
    ['data of no known kind (application/octet-stream)', unknown, null],
    ['data of no known kind (text/html)', unknown, 'text/html'],
  ])('%s where a picture is due', async (name, content, declared) => {
    expect(await judge(content, { declared })).toBe(
      `The API returned ${name} instead of an image.`,
    );
  });

  it('a picture where a film or a sound is due', async () => {
    expect(await judge(tinyPicture, { promised: 'video' })).toMatch(
      /image\/png.*instead of a video/,
    );
    expect(await judge(tinyPicture, { promised: 'audio' })).toMatch(
      /image\/png.*instead of a sound/,
    );
  });

  it('a page, also where nobody knows what is due', async () => {
    expect(await judge('<html>', { promised: null })).toMatch(
      /HTML page instead of an image, a video or/,
    );
  });
});

describe('a result that is one', () => {
  it.each([
    ['a picture', tinyPicture, null, 'image'],
    ['a picture called text', tinyPicture, 'text/plain', 'image'],
    ['a picture of a model that no list knows', tinyPicture, null, null],
    ['a drawing', svg, null, 'image'],
    [
      'a drawing with a prolog',
      `<?xml version="1.0"?>\n<!-- a --><!DOCTYPE svg [\n<!ENTITY a "b">\n]>\n${svg}`,
      'image/svg+xml',
      'image',
    ],
    [
      'a drawing behind a long comment',
      `<!-- ${'x'.repeat(5_000)} -->`.slice(0, 4_100),
      'image/svg+xml',
      'image',
    ],
    ['a kind that only its host knows', unknown, 'image/x-new', 'image'],
    ['bare samples', unknown, null, 'audio'],
    ['a film', drawFilm(), null, 'video'],
    ['a sound', drawSound('x'), null, 'audio'],
    ['a sound in a container', drawFilm(), 'audio/mp4', 'audio'],
    [
      'a moving picture',
      Buffer.from('GIF89a\u0001\u0000\u0001\u0000\u0000', 'latin1'),
      null,
      'video',
    ],
  ] as const)('%s', async (_name, content, declared, promised) => {
    expect(await judge(content as string | Buffer, { declared, promised })).toBeNull();
  });

  it('a film beside its last frame, and a song beside its cover', async () => {
    const [picture, film, sound] = await Promise.all(
      [tinyPicture, drawFilm(), drawSound('x')].map((bytes) => lookAtResult(bytes, null)),
    );
    if (!picture || !film || !sound) throw new Error('all three are known');
    expect(judgeResults([picture, film], 'video')).toBeNull();
    expect(judgeResults([sound, picture], 'audio')).toBeNull();
    expect(judgeResults([picture, picture], 'video')).toMatch(/instead of a video/);
  });

  it('takes no longer for text that is made to be hard', async () => {
    const hard = '<!---->'.repeat(600);
    expect(await judge(`${hard}<html>`, { declared: 'image/svg+xml' })).toMatch(/HTML/);
  });
});
