import { expect, it } from 'vitest';
import { judgeBrief } from '../../src/batch/compare.js';
import { type BriefState, encodeState } from '../../src/ledger/brief-state.js';
import type { LineStatus } from '../../src/shared/manifest-line.js';
import { accepted } from '../ledger/brief-states.js';
import { preparedBrief } from '../support/ledger.js';

const brief = { ...preparedBrief('a'), fingerprint: 'ab' };
const lined = (status: LineStatus, fingerprint: string, run?: number): BriefState => {
  return { stage: 'lined', attempt: 1, seq: 1, fingerprint, status, run };
};
const waiting = (fingerprint: string): BriefState => {
  const times = { admittedAt: 1, sends: 0, refusalId: null };
  return { stage: 'admitted', attempt: 1, seq: 1, fingerprint, ...times };
};
const judge = (state: BriefState, forced: number | null = null) =>
  judgeBrief(brief, encodeState(state), forced);

it('tells what is new, as before, changed, or left to a person', () => {
  expect(judgeBrief(brief, null, null)).toEqual({ kind: 'fresh' });
  for (const status of ['succeeded', 'failed', 'unknown', 'cancelled'] as const) {
    expect(judge(lined(status, 'ab'))).toEqual({ kind: 'same' });
  }
  for (const status of ['succeeded', 'failed', 'cancelled'] as const) {
    expect(judge(lined(status, 'cd'))).toMatchObject({ kind: 'remake', why: 'changed' });
  }
  expect(judge(lined('unknown', 'cd'))).toEqual({ kind: 'undecided' });
  expect(judge(waiting('ab'))).toEqual({ kind: 'same' });
  expect(judge(waiting('cd'))).toMatchObject({ kind: 'replace' });
  expect(judge({ ...accepted('task_1'), fingerprint: 'cd' })).toEqual({ kind: 'under_way' });
});

it('S1: what a forced run has made, or has under way, is not made by it again', () => {
  expect(judge(lined('succeeded', 'ab', 1), 2)).toMatchObject({ kind: 'remake', why: 'forced' });
  expect(judge(lined('succeeded', 'ab'), 1)).toMatchObject({ kind: 'remake', why: 'forced' });
  expect(judge(lined('succeeded', 'ab', 2), 2)).toEqual({ kind: 'same' });
  expect(judge(waiting('ab'), 2)).toEqual({ kind: 'same' });
  expect(judge(lined('unknown', 'cd', 2), 2)).toMatchObject({ kind: 'remake', why: 'changed' });
});
