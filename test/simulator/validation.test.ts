import { expect, test } from 'vitest';
import { fox, withSimulator } from './with-simulator.js';

const speech = 'elevenlabs-turbo-2-5';

test.each([
  ['no JSON', '{"model":', 'body'],
  ['no object', '[]', 'body'],
  ['no model', { prompt: 'x' }, 'model'],
  ['an unknown model', { ...fox, model: 'nope' }, 'model'],
  ['a chat model', { ...fox, model: 'gpt-5-2-chat' }, 'model'],
  ['no prompt', { model: 'z-image' }, 'prompt'],
  ['a prompt of spaces', { model: 'z-image', prompt: '  ' }, 'prompt'],
  ['a prompt over the limit', { model: 'z-image', prompt: 'x'.repeat(1001) }, 'prompt'],
  ['top-level files', { ...fox, files: [] }, 'files'],
  ['a missing required param', { model: speech, prompt: 'x' }, 'params.voice'],
  ['params that are no object', { ...fox, params: [] }, 'params'],
  ['dialogue without dialogue', { model: 'elevenlabs-dialogue-v3' }, 'params.dialogue'],
  [
    'references that the model does not take',
    { ...fox, params: { referenceMediaItems: [{ url: 'https://a.example/b', kind: 'image' }] } },
    'params.referenceMediaItems',
  ],
])('%s is refused', async (_case, body, field) => {
  const { simulator, submit } = await withSimulator();
  const refused = await submit(body);
  expect(refused.status).toBe(400);
  expect(refused.body.error.code).toBe('validation_failed');
  expect(refused.body.error.message.split(':')[0]).toBe(field);
  expect(refused.body.error.requestId).toMatch(/^req_/);
  expect(simulator.bill().total.tasks).toBe(0);
});

test('a body of another content type is refused', async () => {
  const { submit } = await withSimulator();
  const refused = await submit(fox, { 'content-type': 'text/plain' });
  expect(refused.body.error.code).toBe('validation_failed');
});

test('what is documented is accepted', async () => {
  const { submit } = await withSimulator();
  const dialogue = [{ voice: 'Adam', text: 'Hello' }];
  const items = [{ url: 'https://a.example/b.png', kind: 'image', mimeType: 'image/png' }];
  for (const body of [
    { ...fox, client_request_id: 'mine', params: { aspect_ratio: '1:1', new_param: 'x' } },
    { model: 'z-image', prompt: 'x'.repeat(1000) },
    { model: speech, prompt: 'x', params: { voice: 'TX3LPaxmHKxFdv7VOQHJ' } },
    { model: 'elevenlabs-dialogue-v3', params: { dialogue } },
    { model: 'nano-banana', prompt: 'x', params: { referenceMediaItems: items } },
  ]) {
    expect((await submit(body)).status).toBe(200);
  }
});

test.each([
  [{ aspect_ratio: '5:9' }, 'z-image'],
  [{ new_param: 'x' }, 'z-image'],
  [{ max_images: 7 }, 'seedream-4-0'],
  [{ max_images: '2' }, 'seedream-4-0'],
])('strict checks refuse %j', async (params, model) => {
  const { submit } = await withSimulator({ paramChecks: 'strict' });
  expect((await submit({ model, prompt: 'x', params })).status).toBe(400);
  expect((await submit({ model, prompt: 'x' })).status).toBe(200);
});

test('the model list is public and as documented', async () => {
  const { send } = await withSimulator();
  const { status, body } = await send('/api/v1/models', { headers: { authorization: '' } });
  expect(status).toBe(200);
  expect(body.object).toBe('list');
  expect(body.data).toHaveLength(48);
  expect(body.data[0]).toMatchObject({
    id: 'z-image',
    display_name: 'Z-Image',
    runtime: 'async_task',
    base_credits: 1,
    api_status: 'available',
    chat_capabilities: null,
    notices: [],
  });
});

test('models can vanish, be closed, need files and be new', async () => {
  const { submit, send } = await withSimulator({
    models: {
      'z-image': null,
      'qwen-image': { api_status: 'coming_soon' },
      'nano-banana': { api_input_status: 'requires_files_api' },
      brandnew: { base_credits: null, params: [], api_status: 'available', surprise: [1] },
    },
  });
  const statusOf = async (model: string) => (await submit({ model, prompt: 'x' })).status;
  expect(await statusOf('z-image')).toBe(400);
  expect(await statusOf('qwen-image')).toBe(400);
  expect(await statusOf('nano-banana')).toBe(400);
  expect(await statusOf('brandnew')).toBe(200);
  const { data } = (await send('/api/v1/models')).body;
  expect(data.find(({ id }: { id: string }) => id === 'brandnew').surprise).toEqual([1]);
});
