import { expect, it } from 'vitest';
import type { ScheduleRun } from '../../src/schedule/schedule.js';
import { lastOutcome, lastTold, runResult, type ScheduleSight } from '../../src/schedule/words.js';
import { plan } from '../support/schedules.js';

const run = { id: '1', trigger: 'tick', scheduledMs: 1, missed: 0, told: null } as const;
const placed = { ...run, batch: 'shots@1', out: '/out/shots@1' };
const none = { failed: 0, unknown: 0, cancelled: 0, rejected: 0, taken_over: 0 };
const running: ScheduleRun = { ...placed, stage: 'running', sinceMs: 1, stopped: null };
const good: ScheduleRun = {
  ...{ ...placed, stage: 'ended', endedMs: 2, exitCode: 0, spent: 1 },
  counts: { ...none, admitted: 2, succeeded: 2 },
};
const bad: ScheduleRun = { ...good, exitCode: 3 };
const missed: ScheduleRun = {
  ...{ ...run, stage: 'skipped', endedMs: 2, reason: 'missed', behind: null },
};
const overlapped: ScheduleRun = { ...missed, reason: 'overlap', behind: 'shots@0' };

it('has one word for how far a run came', () => {
  expect([running, good, bad, missed, overlapped].map(runResult)).toEqual([
    'running',
    'succeeded',
    'with_failures',
    'missed',
    'skipped',
  ]);
  expect(runResult({ ...running, stopped: 'capped' })).toBe('stopped');
  expect(runResult({ ...good, counts: null, exitCode: 1 })).toBe('forgotten');
});

it('judges a schedule by the last run of which it can be said', () => {
  expect(lastOutcome([])).toBeNull();
  expect(lastOutcome([running, missed])).toBeNull();
  expect(lastOutcome([running, missed, good, bad])).toBe('good');
  expect(lastOutcome([overlapped, good])).toBe('bad');
  expect(lastOutcome([{ ...running, stopped: 'no_credits' }, good])).toBe('bad');
});

it('knows what the webhook was told last, whichever run it was told of', () => {
  const taken = { kind: 'taken', event: 'refused', atMs: 5 } as const;
  const told = { kind: 'refused', event: 'capped', atMs: 9, reason: 'no', triesLeft: 0 } as const;
  const sight: ScheduleSight = {
    ...{ schedule: plan('shots'), nextMs: null, claims: 2, webhook: 'set' },
    history: [
      { ...bad, told: taken },
      { ...running, told },
    ],
  };
  expect(lastTold(sight)).toEqual(told);
  expect(lastTold({ ...sight, history: [good] })).toBeNull();
});
