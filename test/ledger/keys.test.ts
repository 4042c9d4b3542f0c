import { expect, it } from 'vitest';
import { accountHash, accountKeys, batchKeys, inFlightMember } from '../../src/ledger/keys.js';

it('S8: an account is known by a hash that shows neither key nor origin', () => {
  const hash = accountHash('https://rivya.ai', 'rvya_sk_secret');
  expect(hash).toMatch(/^[0-9a-f]{16}$/);
  expect(hash).not.toBe(accountHash('https://rivya.ai', 'rvya_sk_other'));
  expect(hash).not.toBe(accountHash('http://localhost:1', 'rvya_sk_secret'));
});

it('S7: never changes by accident: another account would have another pace and other places', () => {
  expect(accountHash('https://rivya.ai', 'rvya_sk_secret')).toBe('532a9edb576f56d0');
});

it('gives every batch and account keys of their own', () => {
  const keys = [
    ...Object.values(batchKeys('p', 'spring')),
    ...Object.values(batchKeys('p', 'spring.2')),
    ...Object.values(accountKeys('p', 'spring')),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});

it('tells briefs in flight apart, whatever their ids hold', () => {
  expect(inFlightMember('a', 'b\nc')).not.toBe(inFlightMember('a\nb', 'c\n'));
  expect(inFlightMember('spring', 'x').startsWith(inFlightMember('spring', ''))).toBe(true);
  expect(inFlightMember('spring2', 'x').startsWith(inFlightMember('spring', ''))).toBe(false);
});
