import { expect, it, vi } from 'vitest';
import { openLedger } from '../support/ledger.js';

it('S4: a folder in a bucket has one keeper at a time, and nobody gives back what is another one’s', async () => {
  const { ledger, redis } = await openLedger();
  expect(await ledger.keepFolder('a 1', 'worker')).toEqual({ kind: 'taken' });
  expect(await ledger.keepFolder('a 1', 'command')).toEqual({ kind: 'kept' });
  // What is shorter takes nothing from what was promised before.
  expect(await redis.pttl(ledger.keys.keeper)).toBeGreaterThan(4_000);
  expect(await ledger.keepFolder('b 2', 'worker')).toEqual({
    ...{ kind: 'busy', machine: 'a 1' },
    forMs: expect.any(Number),
  });
  await ledger.leaveFolder('b 2');
  expect(await redis.get(ledger.keys.keeper)).toBe('a 1');
  // In one step: between a look and an act, another one may take it over.
  const sent = vi.spyOn(redis, 'sendCommand');
  await ledger.leaveFolder('a 1');
  expect(sent).toHaveBeenCalledTimes(1);
  expect(await ledger.keepFolder('b 2', 'command')).toEqual({ kind: 'taken' });
});
