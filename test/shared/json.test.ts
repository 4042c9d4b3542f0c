import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalJson, type JsonValue } from '../../src/shared/json.js';

it('sorts keys at every depth and leaves lists in order', () => {
  expect(canonicalJson({ b: [{ z: 1, a: 2 }, 1], a: null, '10': true, '9': 'x' })).toBe(
    '{"10":true,"9":"x","a":null,"b":[{"a":2,"z":1},1]}',
  );
});

it('keeps keys that JavaScript treats in its own way', () => {
  const parsed = JSON.parse('{"__proto__":{"a":1},"constructor":2}') as JsonValue;
  expect(canonicalJson(parsed)).toBe('{"__proto__":{"a":1},"constructor":2}');
});

it('S1: is the same text whatever order the members came in, and means the same', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value as JsonValue);
      expect(canonicalJson(reversed(value as JsonValue))).toBe(text);
      // Through JSON.parse on both sides: -0 is 0 in JSON.
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

function reversed(value: JsonValue): JsonValue {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(reversed);
  const members = Object.entries(value).reverse();
  const result = JSON.parse('{}') as Record<string, JsonValue>;
  for (const [key, member] of members) {
    Object.defineProperty(result, key, {
      value: reversed(member),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return result;
}
