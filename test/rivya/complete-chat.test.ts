import { describe, expect, it } from 'vitest';
import { bundledModels } from '../../src/rivya/catalogue.js';
import { parseModels } from '../../src/rivya/parse.js';
import { newClient, testKey } from './new-client.js';
import { sendJson, startServer } from './stand-in-server.js';

const frozen = { idempotencyKey: 'rvb-0123', body: '{"model":"gpt-5-2-chat","message":"Hi"}' };
/** As documented. */
const answer = {
  id: 'chatcmpl_1',
  object: 'chat.completion',
  session_id: 'sess_1',
  model: 'gpt-5-2-chat',
  created_at: '2026-05-10T00:00:00.000Z',
  message: { id: 'msg_1', role: 'assistant', content: 'Hello.' },
  usage: { input_tokens: 1200, output_tokens: 320, total_tokens: 1520 },
  credits: { reserved: 3, final: 2 },
};

describe('completeChat', () => {
  it('S1: sends the frozen bytes under the frozen key, and reads the answer whole', async () => {
    const server = await startServer(sendJson(answer));
    expect(await newClient(server.origin).completeChat(frozen)).toEqual({
      kind: 'answered',
      turn: {
        id: 'chatcmpl_1',
        sessionId: 'sess_1',
        text: 'Hello.',
        usage: { inputTokens: 1200, outputTokens: 320, totalTokens: 1520 },
        reservedCredits: 3,
        finalCredits: 2,
      },
      pace: null,
    });
    const [request] = server.seen;
    expect(request).toMatchObject({ method: 'POST', url: '/api/v1/chat/completions' });
    expect(request?.body).toBe(frozen.body);
    expect(request?.headers).toMatchObject({
      authorization: `Bearer ${testKey}`,
      'idempotency-key': frozen.idempotencyKey,
    });
  });

  it.each([
    ['no message', { message: undefined }, ''],
    ['null', { message: { content: null } }, ''],
    ['parts', { message: { content: [{ type: 'text', text: 'a' }, 'b', { type: 'x' }] } }, 'ab'],
    ['broken text', { message: { content: 'a\ud800' } }, 'a\ufffd'],
  ])('S1: is paid with its id, whatever it says: %s', async (_what, patch, text) => {
    const server = await startServer(sendJson({ ...answer, usage: 7, credits: null, ...patch }));
    expect(await newClient(server.origin).completeChat(frozen)).toMatchObject({
      kind: 'answered',
      turn: { text, usage: null, reservedCredits: null, finalCredits: null },
    });
  });

  it.each([
    ['an answer without an id', sendJson({ ...answer, id: '' }), 'unknown'],
    ['a 5xx', sendJson({ error: { code: 'internal_error' } }, 500), 'unknown'],
    ['chat_model_not_supported', refusal('chat_model_not_supported', 400), 'invalid'],
    ['chat_session_conflict', refusal('chat_session_conflict', 409), 'invalid'],
    ['chat_attachment_not_supported', refusal('chat_attachment_not_supported', 400), 'invalid'],
  ])('judges %s', async (_what, respond, kind) => {
    const server = await startServer(respond);
    const outcome = await newClient(server.origin).completeChat(frozen);
    expect(outcome.kind === 'refused' ? outcome.refusal.kind : outcome.kind).toBe(kind);
  });
});

function refusal(code: string, status: number) {
  return sendJson({ error: { code, message: 'No.', requestId: 'req_1' } }, status);
}

it.each([
  [{ file_kinds: ['image'] }, true],
  [{ file_kinds: [] }, false],
  [{ supported_api_inputs: ['text', 'file'] }, true],
  [{ supported_api_inputs: ['text'] }, false],
  [{ chat_capabilities: ['web_search', 'image_attachments'] }, true],
  [{ chat_capabilities: ['web_search'], file_kinds: ['image'] }, false],
  [{ chat_capabilities: { image_attachments: 'false' }, file_kinds: ['image'] }, false],
  [{ chat_capabilities: { web_search: true }, file_kinds: ['image'] }, true],
  [{}, null],
])('reads whether a chat model takes pictures, wherever it says so: %j', (entry, takesImages) => {
  expect(parseModels([{ id: 'chat', category: 'chat', ...entry }])?.[0]?.takesImages).toBe(
    takesImages,
  );
});

it('knows of the models of this release', () => {
  const chat = bundledModels().filter(({ category }) => category === 'chat');
  expect(new Set(chat.map(({ takesImages }) => takesImages))).toEqual(new Set([true, false]));
});
