import { expect, test } from 'vitest';
import {
  Desk,
  type PageDecision,
  type Saying,
  stepsAround,
  variantsOf,
} from '../../src/review/page/desk.js';
import type { ReviewBrief } from '../../src/review/review-brief.js';
import { reviewBrief } from './review-briefs.js';

const now = new Date('2026-06-02T09:00:00Z');
const later = new Date('2026-06-02T10:00:00Z');

function saying(decision: Saying['decision'], note: string | null = null): Saying {
  return { decision, note, prompt: null };
}

function openDesk(...patches: Partial<ReviewBrief>[]): { desk: Desk; briefs: ReviewBrief[] } {
  const briefs = patches.map((patch, index) =>
    reviewBrief({ id: `b${index}`, seq: index + 1, row: index + 2, ...patch }),
  );
  return { desk: new Desk(briefs), briefs };
}

function told(brief: ReviewBrief, patch: Partial<PageDecision> = {}): PageDecision {
  const sha256 = brief.files[0]?.sha256 ?? '';
  const { id: brief_id, attempt } = brief;
  return {
    ...{ brief_id, attempt, sha256, decision: 'rejected', note: null, prompt: null },
    at: later.toISOString(),
    ...patch,
  };
}

test('what is decided is told in the form that decisions have in the folder, once, and counted with its price', () => {
  const { desk, briefs } = openDesk({ credits: 4 }, { credits: 0, reserved: 6 }, { files: [] });
  const made = desk.decide(briefs, { decision: 'again', note: 'warmer', prompt: 'p' }, now);
  expect(made).toEqual([
    {
      ...{ brief_id: 'b0', attempt: 1, sha256: 'a'.repeat(64), decision: 'again' },
      ...{ note: 'warmer', prompt: 'p', at: '2026-06-02T09:00:00.000Z' },
    },
    expect.objectContaining({ brief_id: 'b1' }),
  ]);
  expect(desk.counts()).toMatchObject({ decidable: 2, undecided: 0, again: 2, againCredits: 10 });
  expect(desk.decide(briefs, { decision: 'again', note: 'warmer', prompt: 'p' }, later)).toEqual(
    [],
  );
});

test('undo takes back one thing after the other, as it was before', () => {
  const { desk, briefs } = openDesk({}, {});
  const [first] = briefs as [ReviewBrief, ReviewBrief];
  desk.decide([first], saying('approved', 'fine'), now);
  desk.decide(briefs, saying('rejected'), now);
  const { decisions } = desk.undo(later);
  expect(decisions.map(({ brief_id: id, decision, note }) => [id, decision, note])).toEqual([
    ['b0', 'approved', 'fine'],
    ['b1', 'undecided', null],
  ]);
  expect(desk.undo(later).decisions).toMatchObject([{ brief_id: 'b0', decision: 'undecided' }]);
  expect(desk.undo(later).decisions).toEqual([]);
  expect(desk.counts().undecided).toBe(2);
});

test('of what somebody else says, the last word counts, and one on what was decided here is a conflict', () => {
  const { desk, briefs } = openDesk({}, {});
  const [mine, other] = briefs as [ReviewBrief, ReviewBrief];
  desk.decide([mine], saying('approved'), later);
  const theirs = [told(mine), told(other)];
  expect(desk.take(theirs, 'as_told')).toEqual([
    { brief: mine, mine: 'approved', theirs: 'rejected' },
  ]);
  expect(briefs.map(({ decision }) => decision?.decision)).toEqual(['rejected', 'rejected']);
  expect(desk.undo(later).decisions).toEqual([]);
  const before = told(mine, { decision: 'approved', at: now.toISOString() });
  expect(desk.take([before], 'by_time')).toEqual([]);
  expect(mine.decision?.decision).toBe('rejected');
  // A clock that is behind is no reason to show what does not count.
  desk.take([before], 'as_told');
  expect(mine.decision?.decision).toBe('approved');
});

test('what was said here and comes back is nobody else, also when more was said meanwhile', () => {
  const { desk, briefs } = openDesk({});
  const [brief] = briefs as [ReviewBrief];
  const first = desk.decide([brief], saying('approved'), now);
  const second = desk.decide([brief], saying('rejected'), now);
  expect(desk.take(first, 'as_told')).toEqual([]);
  expect(brief.decision?.decision).toBe('rejected');
  expect(desk.take(second, 'as_told')).toEqual([]);
  expect(brief.decision?.decision).toBe('rejected');
});

test('what is about another attempt or another file is none of these', () => {
  const { desk, briefs } = openDesk({ attempt: 2 });
  const [brief] = briefs as [ReviewBrief];
  desk.take([told(brief, { attempt: 1 }), told(brief, { sha256: 'b'.repeat(64) })], 'as_told');
  expect(brief.decision).toBeNull();
});

test('what could not be kept is not shown as decided, and not undone either', () => {
  const { desk, briefs } = openDesk({}, {});
  const [first, second] = briefs as [ReviewBrief, ReviewBrief];
  const kept = desk.decide([first], saying('approved'), now);
  const lost = desk.decide(briefs, saying('again'), now);
  desk.revert(lost);
  expect([first.decision?.decision, second.decision]).toEqual(['approved', null]);
  expect(kept).toHaveLength(1);
  expect(desk.undo(later).decisions.map(({ decision }) => decision)).not.toContain('again');
});

test('the steps of a row are those that this one is made of and those that are made of it', () => {
  const row = { row: 2 };
  const { desk, briefs } = openDesk(
    { id: 'caption/1', output: 'caption', ...row },
    { id: 'caption/2', output: 'caption', ...row },
    { id: 'still/1', output: 'still', after: ['caption/1'], ...row },
    { id: 'still/2', output: 'still', after: ['caption/2'], ...row },
    { id: 'film/1', output: 'film', after: ['still/1', 'gone'], ...row },
    { id: 'other', row: 3 },
  );
  const still = briefs[2] as ReviewBrief;
  const around = desk.rowOf(still);
  expect(stepsAround(still, around).map(({ id }) => id)).toEqual([
    'caption/1',
    'still/1',
    'film/1',
  ]);
  expect(variantsOf(still, around).map(({ id }) => id)).toEqual(['still/1', 'still/2']);
});
