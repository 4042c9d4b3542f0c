import { inflateSync } from 'node:zlib';
import { fileTypeFromBuffer } from 'file-type';
import { expect, test } from 'vitest';
import { renderPicture } from '../../src/simulator/media/picture.js';
import type { SimulatorOptions } from '../../src/simulator/start-simulator.js';
import { fox, withSimulator } from './with-simulator.js';

const speed = Number.POSITIVE_INFINITY;

async function generated(options: SimulatorOptions = {}, body: object = {}) {
  const calls = await withSimulator({ speed, ...options });
  const { id } = (await calls.submit({ ...fox, ...body })).body;
  const urls = async (): Promise<string[]> => (await calls.read(id)).body.result.urls;
  return { ...calls, id, urls, url: (await urls())[0] as string };
}

async function download(url: string) {
  const response = await fetch(url, { redirect: 'manual' });
  const { status, headers } = response;
  return { status, headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

/** Decodes far enough to know that every row is there. */
function readPng(bytes: Buffer) {
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const start = bytes.indexOf('IDAT') + 4;
  const rows = inflateSync(bytes.subarray(start, start + bytes.readUInt32BE(start - 8)));
  return { width, height, rows, whole: rows.length === (width + 1) * height };
}

test('a result is a PNG of a few kB in the shape that was asked for', async () => {
  const { url } = await generated({}, { params: { aspect_ratio: '16:9' } });
  const { status, headers, bytes } = await download(url);
  expect(status).toBe(200);
  expect(headers.get('content-type')).toBe('image/png');
  expect((await fileTypeFromBuffer(bytes))?.mime).toBe('image/png');
  expect(readPng(bytes)).toMatchObject({ width: 640, height: 360, whole: true });
  expect(bytes.length).toBeLessThan(20_000);
  expect((await download(url)).bytes).toEqual(bytes);
});

test.each([
  [{}, 640, 640],
  [{ aspect_ratio: '9:16' }, 360, 640],
  [{ aspectRatio: '21:9' }, 640, 274],
  [{ image_size: 'portrait_4_3' }, 480, 640],
  [{ image_size: 'square_hd' }, 640, 640],
  [{ imageSize: '3:2' }, 640, 427],
  [{ size: 'high', aspect_ratio: 'landscape' }, 640, 360],
  [{ aspect_ratio: '8:1' }, 640, 80],
  [{ aspect_ratio: '1:8' }, 80, 640],
  [{ aspect_ratio: 'auto' }, 640, 640],
])('%j is %i x %i', (params, width, height) => {
  const picture = renderPicture({ prompt: 'x', params, label: 'z-image', variant: 1 });
  expect(readPng(picture)).toMatchObject({ width, height, whole: true });
});

test.each([
  '',
  'x'.repeat(3000),
  'word '.repeat(2000),
  'Zürich – “naïve” ﬁ',
  '夜の東京 🦊👩‍👩‍👧',
  '\n\u0000\t',
  '\ud800',
])('any text can be shown: %j', (prompt) => {
  for (const params of [{}, { aspect_ratio: '8:1' }, { aspect_ratio: '1:8' }]) {
    expect(readPng(renderPicture({ prompt, params, label: prompt, variant: 1 })).whole).toBe(true);
  }
});

test('pictures differ by prompt and by number', () => {
  const draw = (prompt: string, variant: number) =>
    renderPicture({ prompt, params: {}, label: 'z-image', variant });
  expect(draw('a', 1)).not.toEqual(draw('b', 1));
  expect(draw('a', 1)).not.toEqual(draw('a', 2));
  expect(draw('a', 1)).toEqual(draw('a', 1));
});

test('audio is WAV and video is MP4', async () => {
  const sound = await generated({}, { model: 'suno-sounds' });
  const film = await generated({}, { model: 'sora-2' });
  const wave = await download(sound.url);
  expect((await fileTypeFromBuffer(wave.bytes))?.mime).toBe('audio/wav');
  expect(wave.headers.get('content-type')).toBe('audio/wav');
  expect(wave.bytes.readUInt32LE(4)).toBe(wave.bytes.length - 8);
  const movie = await download(film.url);
  expect((await fileTypeFromBuffer(movie.bytes))?.mime).toBe('video/mp4');
  expect(new URL(film.url).pathname).toMatch(/\.mp4$/);
});

test('tinyMedia is one pixel', async () => {
  const { url } = await generated({ tinyMedia: true });
  const { bytes } = await download(url);
  expect(readPng(bytes)).toMatchObject({ width: 1, height: 1, whole: true });
  expect(bytes.length).toBeLessThan(100);
});

test('a link needs its token, and lasts as long as none is set', async () => {
  const { url, urls, clock } = await generated();
  expect((await download(url.replace(/\?.*/, ''))).status).toBe(403);
  expect((await download(url.replace(/.$/, 'z'))).status).toBe(403);
  expect((await download(url.replace('1.png', '2.png'))).status).toBe(404);
  clock.advance(1e9);
  expect((await download(url)).status).toBe(200);
  expect(await urls()).toEqual([url]);
});

test.each([403, 410] as const)(
  'an expired link answers %i, a re-read gives a fresh one',
  async (status) => {
    const { url, urls, clock } = await generated({ urlLifetimeMs: 1000, expiredUrlStatus: status });
    expect((await download(url)).status).toBe(200);
    clock.advance(1000);
    expect((await download(url)).status).toBe(status);
    const [fresh = ''] = await urls();
    expect(fresh).not.toBe(url);
    expect((await download(fresh)).status).toBe(200);
  },
);

test('expire-first-url: the first links are dead, those of the next read are not', async () => {
  const { url, urls } = await generated({ faults: ['expire-first-url'] });
  expect((await download(url)).status).toBe(403);
  expect((await download((await urls())[0] ?? '')).status).toBe(200);
});

test('a key that is sent to a file is a violation on the bill', async () => {
  const { simulator, url, id } = await generated();
  await download(url);
  expect(simulator.bill().authorizationViolations).toEqual([]);
  await fetch(url, { headers: { authorization: 'Bearer rvya_sk_x' } });
  const path = `/media/${id}/1.png`;
  expect(simulator.bill().authorizationViolations).toEqual([{ at: expect.any(Number), path }]);
});

test('URLs start with the name that the client used, or with publicOrigin', async () => {
  const { simulator, url, urls, control } = await generated();
  expect(new URL(url).origin).toBe(simulator.origin);
  await control({ publicOrigin: 'https://media.example/' });
  expect((await urls())[0]).toMatch(/^https:\/\/media.example\/media\//);
});

test('downloads can be refused once, empty, of another type, and redirected', async () => {
  const faults = [
    'download-status=403:1x',
    'download-status=410:1x',
    'download-empty:1x',
    'download-wrong-type:1x',
    'download-redirect=http:1x',
    'download-redirect:1x',
  ];
  const { url } = await generated({ faults });
  expect((await download(url)).status).toBe(403);
  expect((await download(url)).status).toBe(410);
  expect(await download(url)).toMatchObject({ status: 200, bytes: Buffer.alloc(0) });
  const page = await download(url);
  expect(page.status).toBe(200);
  expect(page.headers.get('content-type')).toContain('text/html');
  const plain = await download(url);
  expect(plain.status).toBe(302);
  expect(plain.headers.get('location')).toBe('http://media.example/result.png');
  expect((await download(url)).headers.get('location')).toBe('http://10.0.0.1/result.png');
  expect((await download(url)).status).toBe(200);
});

test('a truncated download announces more than it sends', async () => {
  const { url } = await generated({ faults: ['download-truncated:1x'] });
  await expect(download(url)).rejects.toThrow();
  expect((await download(url)).status).toBe(200);
});

test('a huge file goes on for as long as one reads', async () => {
  const { url } = await generated({
    faults: ['download-huge:1x', 'download-huge=1000/unannounced'],
  });
  const response = await fetch(url);
  expect(response.headers.get('content-length')).toBe('8000000000');
  let received = 0;
  for await (const part of response.body ?? []) {
    received += part.length;
    if (received > 1_000_000) break;
  }
  const unannounced = await download(url);
  expect(unannounced.headers.get('content-length')).toBeNull();
  expect(unannounced.bytes.length).toBe(1000);
});

test('a slow download is whole in the end', async () => {
  const options = { tinyMedia: true, faults: ['download-slow=2000:1x'] };
  const { url } = await generated(options);
  const slow = await download(url);
  expect(slow.bytes).toEqual((await download(url)).bytes);
});
