import { expect, it } from 'vitest';
import { addressOf } from '../../../src/cli/commands/webhooks.js';

const rivya = { origin: 'https://rivya.ai', hooksPath: null };
const hooksPath = 'k3x_9-abcdefghijklmnop';

it.each([
  'http://example.com/x',
  'https://user:word@example.com/x',
  'https://example.com/x#y',
  'https://127.0.0.1/x',
  'https://192.168.1.7/x',
  'https://[::1]/x',
  'https://[::ffff:10.0.0.1]/x',
  'https://localhost/x',
  'https://me.localhost./x',
  'example.com',
])('%s is refused before the API is asked', (address) => {
  expect(() => addressOf(address, rivya)).toThrow(/Rivya would refuse this address: /);
});

it('S8: the refusal does not repeat the address, whose path is a secret', () => {
  expect(() => addressOf(`http://example.com/${hooksPath}`, rivya)).not.toThrow(hooksPath);
});

it('gets the secret path where it has none, so that nobody has to type it', () => {
  const secret = { ...rivya, hooksPath };
  expect(addressOf('https://example.com', secret)).toBe(`https://example.com/${hooksPath}`);
  expect(addressOf('https://example.com/', secret)).toBe(`https://example.com/${hooksPath}`);
  expect(addressOf('https://example.com/own', secret)).toBe('https://example.com/own');
  expect(addressOf('https://example.com', rivya)).toBe('https://example.com/');
});

it('may be this machine where the API is', () => {
  const here = { origin: 'http://127.0.0.1:4010', hooksPath };
  expect(addressOf('http://127.0.0.1:3022', here)).toBe(`http://127.0.0.1:3022/${hooksPath}`);
  expect(() => addressOf('http://example.com/x', here)).toThrow(/it is not https/);
});
