import { expect, it } from 'vitest';
import type { Message } from '../../src/ledger/message-ledger.js';
import type { ScheduleRun } from '../../src/schedule/schedule.js';
import {
  lastOutcome,
  lastTrouble,
  messageOfRun,
  runResult,
  type ScheduleSight,
  toldTrouble,
  webhookWords,
} from '../../src/schedule/words.js';
import { plan } from '../support/schedules.js';

const run = { id: '1', trigger: 'tick', scheduledMs: 1, missed: 0 } as const;
const placed = { ...run, batch: 'shots@1', out: '/out/shots@1' };
const none = { failed: 0, unknown: 0, cancelled: 0, rejected: 0, taken_over: 0 };
const running: ScheduleRun = { ...placed, stage: 'running', sinceMs: 1, stopped: null };
const good: ScheduleRun = {
  ...{ ...placed, stage: 'ended', endedMs: 2, exitCode: 0, spent: 1, putAwayMs: null },
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

it('knows what there was to tell of a run, by itself or of its batch', () => {
  const message = (madeMs: number, about: Partial<Message>): Message => ({
    ...{ v: 1, id: `msg_${madeMs}`, kind: 'failed', body: '{}', madeMs },
    ...{ batch: null, schedule: null },
    fate: { kind: 'given_up', tries: 9, atMs: madeMs, why: 'no' },
    ...about,
  });
  const ofRun = message(5, { schedule: { name: 'shots', run: '2' } });
  const waits = message(6, { batch: 'shots@1' });
  const ends = message(7, { batch: 'shots@1', fate: { kind: 'told', tries: 1, atMs: 7 } });
  const other: ScheduleRun = { ...overlapped, id: '2' };
  const sight: ScheduleSight = {
    ...{
      schedule: plan('shots'),
      origin: 'https://rivya.test',
      nextMs: null,
      claims: 2,
      deeds: [],
      history: [bad, other],
    },
    webhook: { origin: 'https://hooks.test', on: ['failed'] },
    messages: [ofRun, waits, ends],
  };
  expect(messageOfRun(sight, bad)).toEqual(ends);
  expect(messageOfRun(sight, other)).toEqual(ofRun);
  expect(toldTrouble(sight, other, 9)).toBe(
    'the webhook could not be notified of batch.failed: no',
  );
  expect(lastTrouble(sight, 9)).toBeNull();
  expect(webhookWords(sight, 9)).toBe('https://hooks.test (failed)');
});
