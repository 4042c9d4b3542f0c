import { describe, expect, it } from 'vitest';
import { parseUpload } from '../../src/rivya/parse.js';
import { uploadTimeoutMs } from '../../src/rivya/upload-form.js';
import { newClient, testKey } from './new-client.js';
import { sendJson, startServer } from './stand-in-server.js';

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

const upload = (content: AsyncIterable<Uint8Array>, bytes: number) => ({
  content,
  bytes,
  name: 'a "lamp"\n.png',
  mediaType: 'image/png',
  model: 'nano-banana',
  clientRequestId: 'rvb-file-1',
});

describe('uploadFile', () => {
  it('streams a form of known length, with the file in it as it is', async () => {
    const server = await startServer(sendJson({ id: 'file_1', url: 'https://f.test/1?t=x' }));
    const content = pieces('one', 'two');
    const outcome = await newClient(server.origin).uploadFile(upload(content, 6));
    const file = { url: 'https://f.test/1?t=x', id: 'file_1' };
    expect(outcome).toMatchObject({ kind: 'uploaded', file });
    const [request] = server.seen;
    expect(request).toMatchObject({ method: 'POST', url: '/api/v1/files' });
    expect(request?.headers).toMatchObject({
      authorization: `Bearer ${testKey}`,
      'content-length': String(Buffer.byteLength(request?.body ?? '')),
    });
    const type = request?.headers['content-type'] ?? '';
    const form = await new Response(request?.body, {
      headers: { 'content-type': type },
    }).formData();
    expect(form.get('kind')).toBe('image');
    expect(form.get('model')).toBe('nano-banana');
    expect(form.get('client_request_id')).toBe('rvb-file-1');
    const sent = form.get('file') as File;
    expect(await sent.text()).toBe('onetwo');
    expect(sent.type).toBe('image/png');
  });

  it('without a URL in the answer, nothing is known', async () => {
    const server = await startServer(sendJson({ id: 'file_1' }));
    const outcome = await newClient(server.origin).uploadFile(upload(pieces('x'), 1));
    expect(outcome).toMatchObject({ kind: 'unknown' });
  });

  it('a file that fails on the way ends the request, and nothing else', async () => {
    const server = await startServer(sendJson({ id: 'file_1', url: 'https://f.test/1' }));
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('one');
      throw new Error('the file has changed');
    }
    const client = newClient(server.origin);
    expect(await client.uploadFile(upload(broken(), 6))).toMatchObject({ kind: 'unknown' });
    expect(await client.uploadFile(upload(pieces('x'), 1))).toMatchObject({ kind: 'uploaded' });
  });

  it('is given longer, the larger the file is', () => {
    expect(uploadTimeoutMs(0)).toBe(60_000);
    expect(uploadTimeoutMs(50_000_000)).toBe(1_060_000);
  });
});

it.each([
  [
    { url: 'https://f.test/1', file_id: 'f' },
    { id: 'f', durationToken: null },
  ],
  [{ url: 'https://f.test/1', duration_token: 't', duration: '4.5' }, { durationToken: 't' }],
  [{ data: { url: ' https://f.test/1 ' } }, { url: 'https://f.test/1', id: null }],
])('reads %o', (json, expected) => {
  expect(parseUpload(json)).toMatchObject(expected);
});

it.each([null, {}, { url: 'no url' }, { url: 7 }, []])('finds no upload in %o', (json) => {
  expect(parseUpload(json)).toBeNull();
});
