import { expect, test } from 'vitest';
import { replyTo } from '../../src/simulator/chat-turn.js';
import { withSimulator } from './with-simulator.js';

const key = { 'idempotency-key': 'rvb-1' };
const turn = { model: 'gpt-5-2-chat', message: 'Write an alt text for "Lamp"' };
const fast = { speed: Number.POSITIVE_INFINITY };

async function openChat(options: Parameters<typeof withSimulator>[0] = fast) {
  const opened = await withSimulator(options);
  const chat = (body: unknown, headers: Record<string, string> = key) =>
    opened.send('/api/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  return { ...opened, chat };
}

test('answers a turn with a text, its usage and its price, and bills it once under its key', async () => {
  const { chat, simulator, read } = await openChat();
  const first = await chat({ ...turn, client_request_id: 'spring/a' });
  expect(first).toMatchObject({
    status: 200,
    body: { object: 'chat.completion', model: turn.model },
  });
  expect(first.body.message.content).toBe(replyTo(turn.message));
  expect(first.body.message.content).toContain('Lamp');
  const { usage, credits } = first.body;
  expect(usage.total_tokens).toBe(usage.input_tokens + usage.output_tokens);
  expect(credits.final).toBeLessThanOrEqual(credits.reserved);
  expect((await chat({ ...turn, client_request_id: 'spring/a' })).body).toEqual(first.body);
  expect(simulator.bill()).toMatchObject({
    total: { tasks: 1, spent: credits.final },
    byPrompt: { [turn.message]: { tasks: 1 } },
    replays: 1,
    billedTwice: [],
    requests: { byEndpoint: { chat: { 200: 2 } } },
  });
  expect(simulator.asked()).toMatchObject([{ clientRequestId: 'spring/a' }]);
  expect((await read(first.body.id)).status).toBe(404);
});

test('takes its time, and is running meanwhile', async () => {
  const { chat, simulator, clock } = await openChat({ durationMs: 400 });
  const asked = chat(turn);
  await expect.poll(() => simulator.bill().tasks.running).toBe(1);
  const late = await asked;
  expect(late.status).toBe(200);
  clock.advance(400);
  expect(simulator.bill().tasks).toMatchObject({ running: 0, succeeded: 1 });
});

test.each([
  ['a model that makes pictures', { model: 'z-image' }, 400, 'chat_model_not_supported'],
  ['no words', { message: ' ' }, 400, 'validation_failed'],
  ['a text for a switch', { enable_web_search: 'true' }, 400, 'validation_failed'],
  ['an effort that nobody knows', { reasoning_effort: 'huge' }, 400, 'validation_failed'],
  ['a session of somebody else', { session_id: 's' }, 409, 'chat_session_conflict'],
  ['an upload that is gone', { attachments: [{ file_id: 'file_x' }] }, 400, 'validation_failed'],
  [
    'a picture for a model of words',
    { model: 'claude-sonnet-4-6-chat', attachments: [{ file_id: 'file_x' }] },
    400,
    'chat_attachment_not_supported',
  ],
])('refuses %s', async (_what, patch, status, code) => {
  const { chat, simulator } = await openChat();
  expect(await chat({ ...turn, ...patch })).toMatchObject({ status, body: { error: { code } } });
  expect(simulator.bill().total.tasks).toBe(0);
});

test('loses answers after it has charged, answers with nothing, and fails, on demand', async () => {
  const { chat, simulator, control } = await openChat({
    ...fast,
    faults: ['lose-answer-after-accept:1x', 'empty-answer:prompt=empty', 'task-fails:prompt=fail'],
  });
  await expect(chat(turn)).rejects.toThrow();
  expect((await chat(turn)).status).toBe(200);
  expect(simulator.bill()).toMatchObject({ total: { tasks: 1 }, replays: 1 });
  const empty = await chat({ ...turn, message: 'empty' }, {});
  expect(empty.body.message.content).toBe('');
  expect(await chat({ ...turn, message: 'fail' }, {})).toMatchObject({
    status: 400,
    body: { error: { code: 'generation_failed' } },
  });
  expect(simulator.bill().total.tasks).toBe(2);
  await control({ credits: 0 });
  expect((await chat(turn, {})).status).toBe(402);
});
