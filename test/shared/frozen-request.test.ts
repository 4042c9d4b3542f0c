import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Attempt, idempotencyKey } from '../../src/shared/brief.js';

const attempt: Attempt = {
  batch: 'spring',
  briefId: 'sku-00123',
  attempt: 1,
  body: '{"model":"z-image","prompt":"Photo of a chair"}',
  nonce: '',
};

describe('idempotencyKey', () => {
  it('S1: never changes by accident: another key for the same attempt would be paid again', () => {
    expect(idempotencyKey(attempt)).toBe('rvb-36ad041e08a9c330546ee8ec035eb1c3fee205c5');
    expect(idempotencyKey({ ...attempt, briefId: 'größe/1', attempt: 2, nonce: 'n1' })).toBe(
      'rvb-f70a4eba9c1b362487f77acd7fd148f51ff9db71',
    );
  });

  it('S1: fits what the API is assumed to take as a key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (briefId, body) => {
        expect(idempotencyKey({ ...attempt, briefId, body })).toMatch(/^[a-z0-9-]{44}$/);
      }),
    );
  });

  it.each<Partial<Attempt>>([
    { batch: 'summer' },
    { briefId: 'sku-00124' },
    { attempt: 2 },
    { body: '{"model":"z-image","prompt":"Photo of a table"}' },
    { nonce: 'n' },
  ])('S1: differs with %j', (patch) => {
    expect(idempotencyKey({ ...attempt, ...patch })).not.toBe(idempotencyKey(attempt));
  });

  it('S1: no two attempts share a key, wherever their parts are cut', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '1', ':', '\n') });
    const attempts = fc.record({
      batch: text,
      briefId: text,
      attempt: fc.integer({ min: 1, max: 12 }),
      body: text,
      nonce: text,
    });
    fc.assert(
      fc.property(attempts, attempts, (one, other) => {
        const same = JSON.stringify(one) === JSON.stringify(other);
        expect(idempotencyKey(one) === idempotencyKey(other)).toBe(same);
      }),
      { numRuns: 500 },
    );
  });
});
