import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { IdIndex } from '../../src/producer/id-index.js';

const fingerprintOf = (content: string) =>
  createHash('sha256').update(content).digest('hex').slice(0, 32);

it('agrees with a plain map, whatever order ids and contents come in', () => {
  const id = fc.string({ maxLength: 2, unit: fc.constantFrom('a', 'b', '/', '1') });
  const rows = fc.array(fc.tuple(id, fc.constantFrom('x', 'y', 'z')), { maxLength: 60 });
  fc.assert(
    fc.property(rows, (claims) => {
      const index = new IdIndex();
      const known = new Map<string, { content: string; row: number }>();
      for (const [row, [claimedId, content]] of claims.entries()) {
        const first = known.get(claimedId);
        const claim = index.claim({
          id: claimedId,
          fingerprint: fingerprintOf(content),
          source: 3,
          row,
        });
        if (first === undefined) {
          known.set(claimedId, { content, row });
          expect(claim).toEqual({ kind: 'new' });
        } else if (first.content === content) expect(claim).toEqual({ kind: 'duplicate' });
        else expect(claim).toEqual({ kind: 'clash', source: 3, row: first.row });
      }
    }),
  );
});

it('keeps every id while it grows past its first table and its first chunk', () => {
  const index = new IdIndex();
  const fingerprint = fingerprintOf('same');
  const claim = (row: number, content: string) =>
    index.claim({ id: `id ${row}`, fingerprint: content, source: 0, row });
  const other = fingerprintOf('other');
  // An expectation a row would take longer than all the rest.
  const rows = Array.from({ length: 70_000 }, (_, row) => row);
  expect(rows.filter((row) => claim(row, fingerprint).kind !== 'new')).toEqual([]);
  const again = rows.filter((row) => row % 7 === 0);
  expect(again.filter((row) => claim(row, fingerprint).kind !== 'duplicate')).toEqual([]);
  const wrong = again.filter((row) => {
    const clash = claim(row, other);
    return clash.kind !== 'clash' || clash.source !== 0 || clash.row !== row;
  });
  expect(wrong).toEqual([]);
});

it('tells contents apart by each of their first 96 bits', () => {
  const index = new IdIndex();
  const fingerprint = '0'.repeat(32);
  index.claim({ id: 'a', fingerprint, source: 0, row: 1 });
  for (let digit = 0; digit < 24; digit++) {
    const other = `${'0'.repeat(digit)}8${'0'.repeat(31 - digit)}`;
    expect(index.claim({ id: 'a', fingerprint: other, source: 0, row: 2 }).kind).toBe('clash');
  }
});
