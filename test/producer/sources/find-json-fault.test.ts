import fc from 'fast-check';
import { expect, it } from 'vitest';
import { findJsonFault } from '../../../src/producer/sources/read-json.js';

it.each([
  ['{"a":1,}', 1, 8, 'unexpected }'],
  ['[1,\n 2,\n ]', 3, 2, 'unexpected ]'],
  ['{"a":tru}', 1, 6, 'unexpected tru'],
  ["{'a':1}", 1, 2, "unexpected 'a'"],
  ['[1 2]', 1, 4, 'unexpected 2'],
  ['{"a" 1}', 1, 6, 'unexpected 1'],
  ['[01]', 1, 3, 'unexpected 1'],
  ['["a\nb"]', 1, 2, 'unexpected "a'],
  ['["\\x"]', 1, 2, 'unexpected "\\x'],
  ['[1]\n{', 2, 1, 'unexpected {'],
  ['{"a":[1,', 1, 9, 'the text ends too early'],
  ['', 1, 1, 'the text ends too early'],
  ['{"a"}', 1, 5, 'unexpected }'],
  ['[}', 1, 2, 'unexpected }'],
])('%j', (text, line, column, what) => {
  expect(findJsonFault(text)).toEqual({ line, column, what });
});

it('finds a fault exactly where the engine refuses the text', () => {
  const damaged = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom('', '"', ',', '}', ']', ':', '\\', '1', 'n', '\n'))
    .map(([text, at, piece]) => {
      const position = at % (text.length + 1);
      return text.slice(0, position) + piece + text.slice(position + 1);
    });
  fc.assert(
    fc.property(fc.oneof(fc.json(), damaged, fc.string()), (text) => {
      expect(findJsonFault(text) === null).toBe(isJson(text));
    }),
    { numRuns: 3000 },
  );
});

it('is not overwhelmed by depth or length', () => {
  expect(findJsonFault(`${'['.repeat(200_000)}${']'.repeat(200_000)}`)).toBeNull();
  expect(findJsonFault(`"${'x'.repeat(3_000_000)}"`)).toBeNull();
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
