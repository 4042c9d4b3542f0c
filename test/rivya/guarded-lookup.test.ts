import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { expect, it } from 'vitest';
import { guardedLookup } from '../../src/rivya/safe-url.js';

function ask(lookup: LookupFunction, hostname: string, all = true) {
  return new Promise<unknown>((resolve) => {
    lookup(hostname, { all }, (error, address) => resolve(error ?? address));
  });
}

const answering =
  (answer: string | LookupAddress[]): LookupFunction =>
  (_hostname, _options, callback) =>
    callback(null, answer, 4);

const outside = { address: '8.8.8.8', family: 4 };
const inside = { address: '10.0.0.1', family: 4 };

it('S8: refuses a name that really resolves to this machine', async () => {
  for (const all of [true, false]) {
    expect(await ask(guardedLookup(), 'localhost', all)).toMatchObject({
      code: 'ERR_RIVYA_PRIVATE_ADDRESS',
    });
  }
});

it('lets public addresses through as they are', async () => {
  expect(await ask(guardedLookup(answering([outside])), 'a.example')).toEqual([outside]);
  expect(await ask(guardedLookup(answering('8.8.8.8')), 'a.example', false)).toBe('8.8.8.8');
});

it('S8: refuses a name as soon as one of its addresses is private', async () => {
  expect(await ask(guardedLookup(answering([outside, inside])), 'a.example')).toMatchObject({
    code: 'ERR_RIVYA_PRIVATE_ADDRESS',
  });
});

it('passes a failed look-up on', async () => {
  const error = Object.assign(new Error('no'), { code: 'ENOTFOUND' });
  const failing: LookupFunction = (_hostname, _options, callback) => callback(error, '', 4);
  expect(await ask(guardedLookup(failing), 'a.example')).toBe(error);
});
