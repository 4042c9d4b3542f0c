import { expect, test } from 'vitest';
import { type PageState, readAddress, writeAddress } from '../../src/review/page/address.js';
import { relativeAddress } from '../../src/review/page/source.js';

test('what one sees is the same for whoever opens its address', () => {
  const state: PageState = {
    view: 'failures',
    query: { text: 'lamp & co', facets: new Map([['code', new Set(['nsfw'])]]), sort: 'newest' },
    density: 'large',
    open: '00101/still#1?x=y',
    page: 3,
  };
  expect(readAddress(writeAddress(state))).toEqual(state);
  expect(writeAddress(readAddress('#view=none&size=9&page=-1&sort=up'))).toBe('#');
});

test('a path of the folder never leads out of it, and is no address of another kind', () => {
  expect(relativeAddress('assets/a b#1?.png')).toBe('./assets/a%20b%231%3F.png');
  expect(relativeAddress('javascript:alert(1)')).toBe('./javascript%3Aalert(1)');
  expect(relativeAddress('//evil.test/x')).toBe('./evil.test/x');
  expect(relativeAddress('../../etc/./passwd')).toBe('./etc/passwd');
  expect(relativeAddress('assets/\ud800.png')).toBe('./assets/%EF%BF%BD.png');
});
