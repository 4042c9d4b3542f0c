import { expect, it } from 'vitest';
import { readErrorBody } from '../../src/rivya/judge-answer.js';

const nothing = { code: null, message: null, requestId: null };

it.each([
  [
    { error: { code: 'c', message: 'm', requestId: 'r' } },
    { code: 'c', message: 'm', requestId: 'r' },
  ],
  [{ error: { code: 'c', request_id: 'r' } }, { ...nothing, code: 'c', requestId: 'r' }],
  [
    { error: { code: 'c' }, request_id: 'r' },
    { ...nothing, code: 'c', requestId: 'r' },
  ],
  [
    { code: 'c', message: 'm', requestId: 'r' },
    { code: 'c', message: 'm', requestId: 'r' },
  ],
  [{ error: 'rate_limited' }, { ...nothing, code: 'rate_limited', message: 'rate_limited' }],
  [{ error: 'Not today.\n' }, { ...nothing, message: 'Not today.\n' }],
  [{ error: { code: 7, message: {}, requestId: [] } }, nothing],
  [{ error: [] }, nothing],
  [null, nothing],
  ['text', nothing],
  [undefined, nothing],
])('reads %j', (json, expected) => {
  expect(readErrorBody(json)).toEqual(expected);
});

it('cuts long texts', () => {
  const { message, code } = readErrorBody({
    error: { message: 'm'.repeat(9000), code: 'c'.repeat(9000) },
  });
  expect(message).toHaveLength(500);
  expect(code).toHaveLength(100);
});
