import { expect, it } from 'vitest';
import { auditSentence } from '../../../src/cli/commands/summary.js';
import type { BatchMeta } from '../../../src/ledger/batch-meta.js';

const meta = (spent: number, reserved: number) => ({ spent, reserved }) as BatchMeta;

/** A run that counted twelve credits: ten spent, two still reserved. */
const audited = (before: number | null, after: number | null) =>
  auditSentence({
    before: { meta: meta(5, 0), balance: before },
    after: { meta: meta(15, 2), balance: after },
  });

it('says that the balance moved as counted', () => {
  expect(audited(100, 88)).toMatch(/moved by 12 credits, as counted here\. 88 credits left/);
});

it('asks for a look where more went than was counted', () => {
  expect(audited(100, 80)).toMatch(
    /moved by 20 credits; counted here: 12 credits.*check its usage/,
  );
});

it('takes credits that came in meanwhile for no alarm, and counts them', () => {
  const bought = audited(100, 1_088);
  expect(bought).toMatch(/rose by 988 credits; counted here: 12 credits. 1,000 credits came/);
  expect(bought).not.toMatch(/check its usage/);
});

it('S1: takes replays under old keys, which move no balance, for no alarm', () => {
  const replayed = audited(100, 97);
  expect(replayed).toMatch(/moved by 3 credits; counted here: 12 credits. 9 credits came/);
  expect(replayed).not.toMatch(/check its usage/);
});

it('is silent where a balance could not be had', () => {
  expect(audited(null, 88)).toBeNull();
  expect(audited(100, null)).toBeNull();
});
