import { describe, expect, it } from 'vitest';
import { limitingWhile, Outlook } from '../../src/forecast/outlook.js';
import type { AccountView } from '../../src/ledger/account-view.js';
import { readMeta } from '../../src/ledger/batch-meta.js';

const account: AccountView = {
  gate: { kind: 'open' },
  downUntilMs: 0,
  inFlight: 1,
  learnedRate: 5,
  learnedAgeMs: 0,
  learnedInFlight: 8,
  refusals: 0,
  workers: 1,
  told: { rate: null, rateOption: '--rate', inFlight: null },
  pressure: 'none',
  rest: null,
};

/** Lines a second as they are told at each look: [second, lines so far]. */
function paces(looks: [second: number, lines: number][]): (number | null)[] {
  const outlook = new Outlook();
  return looks.map(([second, lines]) => {
    const meta = readMeta('spring', {
      account: 'a',
      admitted: '100',
      'lines:succeeded': String(lines),
    });
    if (!meta) throw new Error('no meta');
    const sight = {
      meta,
      account,
      queued: { submit: 50, putOff: 0, steps: 0, collect: 0, filesDue: 0 },
    };
    const footing = { told: { rate: null, inFlight: null }, taskMs: null };
    return outlook.look(second * 1_000, sight, footing).linesPerSecond;
  });
}

describe('the pace of a batch', () => {
  it('is not told before there is enough to go by', () => {
    expect(
      paces([
        [0, 0],
        [3, 8],
        [4, 9],
      ]),
    ).toEqual([null, null, null]);
    expect(
      paces([
        [0, 0],
        [10, 4],
      ]),
    ).toEqual([null, null]);
    expect(
      paces([
        [0, 0],
        [10, 20],
      ]),
    ).toEqual([null, 2]);
  });

  it('falls, and is zero once nothing has come for a minute', () => {
    const told = paces([
      [0, 0],
      [10, 20],
      [20, 20],
      [40, 20],
      [60, 20],
      [71, 20],
      [600, 20],
    ]);
    expect(told.slice(1)).toEqual([2, 1, 0.5, 20 / 60, 0, 0]);
  });

  it('of few lines in a whole minute is told as well', () => {
    expect(
      paces([
        [0, 0],
        [30, 1],
        [60, 2],
      ]).at(-1),
    ).toBeCloseTo(2 / 60);
  });

  it('begins again where briefs are opened again', () => {
    expect(
      paces([
        [0, 50],
        [10, 70],
        [20, 10],
      ]),
    ).toEqual([null, 2, null]);
  });
});

it('briefs of which all have their next try ahead are not kept up by this machine', () => {
  const meta = readMeta('spring', { account: 'a', admitted: '4', 'lines:succeeded': '2' });
  if (!meta) throw new Error('no meta');
  const limiting = (putOff: number) =>
    limitingWhile(
      { meta, account, queued: { submit: 2, putOff, steps: 0, collect: 0, filesDue: 0 } },
      0,
    );
  expect(limiting(2)).toBe('put_off');
  expect(limiting(1)).toBe('machine');
});
