import { expect, test } from 'vitest';
import { renderPicture } from '../../src/simulator/media/picture.js';
import { withSimulator } from './with-simulator.js';

const picture = renderPicture({ prompt: 'x', params: {}, label: 'x', variant: 1 });

function form(fields: Record<string, string | Blob>): RequestInit {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return { method: 'POST', body };
}

test('a file is uploaded, read back and served; no task is made', async () => {
  const { simulator, send } = await withSimulator();
  const file = new File([new Uint8Array(picture)], 'reference.png');
  const uploaded = await send('/api/v1/files', form({ file, kind: 'image', model: 'nano-banana' }));
  expect(uploaded.status).toBe(200);
  expect(uploaded.body).toMatchObject({
    kind: 'image',
    name: 'reference.png',
    mime_type: 'image/png',
    size: picture.length,
  });
  expect((await send(`/api/v1/files/${uploaded.body.id}`)).body).toEqual(uploaded.body);
  const served = await fetch(uploaded.body.url);
  expect(Buffer.from(await served.arrayBuffer())).toEqual(picture);
  expect((await send('/api/v1/files/file_none')).status).toBe(404);
  expect(simulator.bill().total.tasks).toBe(0);
});

test.each([
  ['no file', form({ kind: 'image' })],
  ['no kind', form({ file: new File([new Uint8Array(picture)], 'a.png') })],
  ['another type than said', form({ file: new File(['text'], 'a.png'), kind: 'image' })],
  ['no form', { method: 'POST', body: 'x' }],
])('%s is refused', async (_case, init) => {
  const { send } = await withSimulator();
  const refused = await send('/api/v1/files', init);
  expect(refused).toMatchObject({ status: 400, body: { error: { code: 'validation_failed' } } });
});

test('a submission is refused for an upload that is unknown or has expired', async () => {
  const { simulator, clock, send, submit } = await withSimulator({ uploadLifetimeMs: 60_000 });
  const file = new File([new Uint8Array(picture)], 'reference.png');
  const { body } = await send('/api/v1/files', form({ file, kind: 'image', model: 'nano-banana' }));
  const ask = (url: string) =>
    submit({
      model: 'nano-banana',
      prompt: 'x',
      params: { referenceMediaItems: [{ url, kind: 'image' }] },
    });
  expect((await ask(body.url)).status).toBe(200);
  expect((await ask('https://a.example/uploads/x.png')).status).toBe(200);
  const unknown = await ask(body.url.replace(body.id, 'file_none'));
  expect(unknown.body.error.code).toBe('validation_failed');
  clock.advance(60_000);
  expect((await ask(body.url)).body.error.message).toMatch(/referenceMediaItems.*expired/);
  expect(simulator.asked().map(({ prompt }) => prompt)).toEqual(['x', 'x']);
});

test('the bill counts uploads, and names those that came twice', async () => {
  const { simulator, send } = await withSimulator();
  const upload = (model: string) => {
    const file = new File([new Uint8Array(picture)], 'reference.png');
    return send('/api/v1/files', form({ file, kind: 'image', model }));
  };
  await upload('nano-banana');
  await upload('qwen-image');
  expect(simulator.bill().uploads).toEqual({ files: 2, repeated: {} });
  await upload('qwen-image');
  const [, , { sha256 } = { sha256: '' }] = simulator.uploads();
  expect(simulator.bill().uploads).toEqual({ files: 3, repeated: { [`${sha256} qwen-image`]: 2 } });
});
