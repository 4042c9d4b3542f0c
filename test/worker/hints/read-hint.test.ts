import { describe, expect, it } from 'vitest';
import { readHint } from '../../../src/worker/hints/read-hint.js';

const event = (rest: object) => ({
  id: 'evt_1',
  type: 'generation.succeeded',
  api_version: '2026-05-11',
  ...rest,
});
const read = (body: unknown) => readHint(typeof body === 'string' ? body : JSON.stringify(body));
const hint = { kind: 'hint', event: 'evt_1', taskId: 'task_1' };

describe('the task of an event, whose wrapping nobody documents', () => {
  it.each([
    ['data', { data: { id: 'task_1' } }],
    ['generation', { generation: { id: 'task_1', status: 'succeeded' } }],
    ['data.object', { data: { object: { id: 'task_1' } } }],
    ['a field of its own', { task_id: 'task_1' }],
    ['beside another id', { data: { id: 'gen_9', task: 'task_1' } }],
    ['deep, and before what is deeper', { a: { b: { task: 'task_1', c: { task: 'task_2' } } } }],
    ['in a list', { items: [{ id: 'task_1' }] }],
  ])('is found in %s', (_where, rest) => {
    expect(read(event(rest))).toEqual(hint);
  });

  it('may be of another form where it is expected', () => {
    expect(read(event({ data: { id: 'gen_9' } }))).toEqual({ ...hint, taskId: 'gen_9' });
  });

  it('is not looked for deeper than four levels', () => {
    const at = (levels: number): object =>
      levels === 0 ? { task: 'task_1' } : { within: at(levels - 1) };
    expect(read(event(at(3)))).toEqual(hint);
    expect(read(event(at(4)))).toEqual({ kind: 'unreadable' });
  });

  it('is none where it is no id: too long, with a space, not text', () => {
    for (const id of [`task_${'1'.repeat(200)}`, 'task_1 2', 'task_\n', 'task_ü', 7, null, {}]) {
      expect(read(event({ data: { id } }))).toEqual({ kind: 'unreadable' });
    }
  });
});

it('has a name only where that is one of an event', () => {
  const body = { type: 'generation.failed', data: { id: 'task_1' } };
  for (const id of [undefined, 'whend_1', 5, `evt_${'1'.repeat(300)}`]) {
    expect(read({ ...body, id })).toEqual({ ...hint, event: null });
  }
});

it('leaves other events, and what is none', () => {
  expect(read({ id: 'evt_1', type: 'webhook.test', data: { id: 'task_1' } })).toEqual({
    kind: 'other',
  });
  const wide = `{"type":"generation.failed","x":${'['.repeat(30_000)}${']'.repeat(30_000)}}`;
  for (const text of ['', 'no JSON', '[]', 'null', '"task_1"', '{}', '{"type":{}}', wide]) {
    expect(read(text)).toEqual({ kind: 'unreadable' });
  }
});
