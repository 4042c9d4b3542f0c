import { expect, it } from 'vitest';
import {
  itemAddresses,
  placeholderFor,
  placeholdersIn,
  resolveItems,
  withItems,
} from '../../src/shared/reference-items.js';

const [one, two] = ['1'.repeat(64), '2'.repeat(64)];
const items = [
  { kind: 'image', url: placeholderFor(two) },
  { kind: 'image', url: 'https://a.example/x.png' },
  { kind: 'image', url: placeholderFor(one) },
];
const body = `{"model":"m","prompt":"p","params":{"a":"1","referenceMediaItems":${JSON.stringify(items)},"z":1}}`;

it('finds the files of a body in their order', () => {
  expect(placeholdersIn(body)).toEqual([two, one]);
  expect(placeholdersIn('{"model":"m"}')).toEqual([]);
  // Somebody's own words, and another param of theirs.
  expect(placeholdersIn(JSON.stringify({ prompt: `"url":"sha256:${one}"` }))).toEqual([]);
  const elsewhere = JSON.stringify({ params: { other: { url: placeholderFor(one) } } });
  expect(placeholdersIn(elsewhere)).toEqual([]);
});

it('S1: puts addresses in their place and leaves every other byte as it is', () => {
  const sent = resolveItems(body, (sha256, item) => ({ ...item, url: `https://f/${sha256}` }));
  expect(withItems(body, sent)).toBe(
    body.replace(`sha256:${two}`, `https://f/${two}`).replace(`sha256:${one}`, `https://f/${one}`),
  );
  expect(itemAddresses(sent)[1]).toBe('https://a.example/x.png');
});
