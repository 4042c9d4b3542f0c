import { describe, expect, it } from 'vitest';
import { parseTask } from '../../src/rivya/parse.js';

const bare = {
  id: 't',
  status: { kind: 'running', word: 'unstated' },
  reservedCredits: null,
  finalCredits: null,
  lifeMs: null,
  updatedAtMs: null,
  urls: [],
  error: null,
};

it('needs no more than an id', () => {
  expect(parseTask({ id: 't' })).toEqual(bare);
});

it.each([[null], ['t'], [[]], [{}], [{ id: 5 }], [{ id: ' ' }]])('%j is no task', (json) => {
  expect(parseTask(json)).toBeNull();
});

it.each([
  ['queued', { kind: 'running', word: 'queued' }],
  ['processing', { kind: 'running', word: 'processing' }],
  ['Throttled', { kind: 'running', word: 'Throttled' }],
  ['cancelled', { kind: 'running', word: 'cancelled' }],
  [7, { kind: 'running', word: 'unstated' }],
  ['succeeded', { kind: 'succeeded' }],
  ['FAILED', { kind: 'failed' }],
])('status %j', (status, expected) => {
  expect(parseTask({ id: 't', status })?.status).toEqual(expected);
});

it.each([
  [1, 1],
  [0, 0],
  ['2.5', 2.5],
  ['', null],
  ['many', null],
  [null, null],
  [-1, null],
  [{}, null],
])('credits %j', (value, expected) => {
  const task = parseTask({ id: 't', reserved_credits: value, final_credits: value });
  expect(task).toMatchObject({ reservedCredits: expected, finalCredits: expected });
});

it.each([
  ['2026-05-10T00:00:00.000Z', '2026-05-10T00:00:12.500Z', 12_500],
  ['2026-05-10T00:00:00Z', '2026-05-10T00:00:00Z', 0],
  ['2026-05-10T00:00:09Z', '2026-05-10T00:00:00Z', -9_000],
  ['2026-05-10T00:00:00Z', 'soon', null],
  ['2026-05-10T00:00:00Z', null, null],
  [undefined, '2026-05-10T00:00:00Z', null],
  [1_778_371_200, 1_778_371_212, null],
])('life from %j to %j', (created_at, updated_at, lifeMs) => {
  expect(parseTask({ id: 't', created_at, updated_at })?.lifeMs).toBe(lifeMs);
});

it.each([
  ['2026-05-10T00:00:12.500Z', Date.UTC(2026, 4, 10, 0, 0, 12, 500)],
  ['soon', null],
  [undefined, null],
  [1_778_371_212, null],
])('updated at %j', (updated_at, updatedAtMs) => {
  expect(parseTask({ id: 't', updated_at })?.updatedAtMs).toBe(updatedAtMs);
});

describe('urls', () => {
  it.each([
    [null, []],
    ['https://a', []],
    [{}, []],
    [{ primary_url: 'https://a' }, ['https://a']],
    [{ primary_url: 'https://b', urls: ['https://a', 'https://b'] }, ['https://b', 'https://a']],
    [{ primary_url: null, urls: ['https://a', 'https://a', '', null, 4] }, ['https://a']],
    [{ primary_url: 'https://a', urls: 'https://b' }, ['https://a']],
  ])('%j', (result, expected) => {
    expect(parseTask({ id: 't', result })?.urls).toEqual(expected);
  });
});

it.each([
  [null, null],
  [
    { code: 'generation_failed', message: 'M.' },
    { code: 'generation_failed', message: 'M.' },
  ],
  [{ message: 'M.' }, { code: 'unspecified', message: 'M.' }],
  [
    { code: 'c', extra: 1 },
    { code: 'c', message: '' },
  ],
  ['broke', { code: 'unspecified', message: 'broke' }],
  [[], null],
])('error %j', (error, expected) => {
  expect(parseTask({ id: 't', status: 'failed', error })?.error).toEqual(expected);
});
