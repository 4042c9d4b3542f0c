import { describe, expect, it } from 'vitest';
import type { BriefState, StateOf } from '../../src/ledger/brief-state.js';
import { holdings, moves } from '../../src/ledger/moves.js';
import { accepted, ready, submitting } from './brief-states.js';

const admittedAt = Date.parse('2026-06-01T12:00:00.000Z');
const brief = { attempt: 3, fingerprint: 'ab', seq: 7, run: 2 };
const waiting: StateOf<'admitted'> = {
  stage: 'admitted',
  ...brief,
  admittedAt,
  sends: 2,
  refusalId: 'req_1',
};
const step: StateOf<'waiting'> = { stage: 'waiting', ...brief, admittedAt };
const sent = submitting(5_000, { ...brief, sends: 2, refusalId: 'req_1' });
const only = { state: sent, earlier: 'none' } as const;
const task = { taskId: 'task_1', reserved: 4, submittedAt: 6_000, kind: 'z-image' } as const;
const taken = accepted('task_1', { ...brief, ...task, sends: 2 });
const done = ready('task_1', { ...brief, ...task, sends: 2, checks: 1, final: 5, completedAt: 9 });
const line: StateOf<'lined'> = { stage: 'lined', ...brief, status: 'failed' };
const opening = { fingerprint: 'cd', admittedAt: 8_000, run: 4 };

/** One row for each move: what it leads to, in which attempt, after which the brief holds what. */
const table: Record<
  keyof typeof moves,
  { to: BriefState; expected: BriefState; attempt: 'same' | 'minted' | number }[]
> = {
  fixed: [
    {
      to: moves.fixed(step),
      expected: { ...waiting, sends: 0, refusalId: null },
      attempt: 'same',
    },
  ],
  unsent: [{ to: moves.unsent(only), expected: { ...waiting, sends: 1 }, attempt: 'same' }],
  putOff: [{ to: moves.putOff(only), expected: waiting, attempt: 'same' }],
  refused: [
    {
      to: moves.refused(only, 'req_2'),
      expected: { ...waiting, refusalId: 'req_2' },
      attempt: 'same',
    },
    {
      to: moves.refused(only, null),
      expected: { ...waiting, refusalId: null },
      attempt: 'same',
    },
    {
      // An API without request ids.
      to: moves.refused({ ...only, state: { ...sent, refusalId: null } }, null),
      expected: { ...waiting, refusalId: null },
      attempt: 'same',
    },
    {
      to: moves.refused(only, 'req_1'),
      expected: { ...waiting, attempt: 4, refusalId: null },
      attempt: 'minted',
    },
  ],
  readdressed: [
    {
      to: moves.readdressed(only),
      expected: { ...waiting, attempt: 4, refusalId: null },
      attempt: 'minted',
    },
  ],
  accepted: [
    { to: moves.accepted(sent, { ...task, category: 'image' }), expected: taken, attempt: 'same' },
  ],
  answered: [
    {
      to: moves.answered(sent, { ...task, category: 'image', final: 5, completedAt: 9 }),
      expected: { ...done, checks: 0 },
      attempt: 'same',
    },
  ],
  lookedAt: [
    {
      to: moves.lookedAt(taken, 7_000),
      expected: { ...taken, checks: 1, runningAt: 7_000 },
      attempt: 'same',
    },
    {
      to: moves.lookedAt({ ...taken, checks: 1, runningAt: 7_000 }, null),
      expected: { ...taken, checks: 2, runningAt: 7_000 },
      attempt: 'same',
    },
  ],
  succeeded: [
    {
      to: moves.succeeded({ ...taken, checks: 1 }, { reserved: null, final: 5, completedAt: 9 }),
      expected: done,
      attempt: 'same',
    },
  ],
  neverPaid: [
    {
      to: moves.neverPaid(taken),
      expected: { ...waiting, attempt: 4, refusalId: null },
      attempt: 'minted',
    },
  ],
  rereadLinks: [{ to: moves.rereadLinks(done), expected: { ...done, checks: 2 }, attempt: 'same' }],
  lined: [step, waiting, sent, taken, done].map((from) => ({
    to: moves.lined(from, 'failed'),
    expected: line,
    attempt: 'same',
  })),
  watchedAgain: [
    {
      to: moves.watchedAgain(line, {
        ...task,
        category: 'image',
        admittedAt,
        sends: 2,
        checks: 1,
      }),
      expected: { ...taken, checks: 1 },
      attempt: 'same',
    },
  ],
  opened: [line, step, waiting].flatMap((from) => [
    {
      to: moves.opened(from, opening, 'admitted'),
      expected: { ...waiting, ...opening, attempt: 4, sends: 0, refusalId: null },
      attempt: 'minted' as const,
    },
    {
      to: moves.opened(from, opening, 'waiting'),
      expected: { ...step, ...opening, attempt: 4 },
      attempt: 'minted' as const,
    },
  ]),
  sentBefore: [
    {
      to: moves.sentBefore({ ...brief, attempt: 5, admittedAt, sends: 1, firstSentAt: 5_000 }),
      expected: { ...sent, attempt: 5, sends: 1, refusalId: null },
      attempt: 5,
    },
  ],
  recalled: [waiting, step].map((from) => ({
    to: moves.recalled(from, 5),
    expected: { ...from, attempt: 5 },
    attempt: 5,
  })),
  linedBefore: [
    { to: moves.linedBefore({ ...brief, status: 'failed' }), expected: line, attempt: 'same' },
  ],
};

const rows = Object.entries(table).flatMap(([move, cases]) =>
  cases.map((row) => ({ move, ...row, stage: row.expected.stage })),
);

describe('the moves of a stage', () => {
  it.each(rows)('S1: $move leads to $stage, attempt $attempt', ({ to, expected, attempt }) => {
    expect(to).toEqual(expected);
    const minted = attempt === 'minted' ? brief.attempt + 1 : attempt;
    expect(to.attempt).toBe(minted === 'same' ? brief.attempt : minted);
  });

  it('S1: mints nothing for a brief whose task may be charged', () => {
    const never = /no new attempt of a brief that is/;
    for (const from of [sent, taken, done] as BriefState[]) {
      expect(() => moves.opened(from as StateOf<'lined'>, opening, 'admitted')).toThrow(never);
    }
    for (const from of [done, line, waiting] as BriefState[]) {
      expect(() => moves.neverPaid(from as StateOf<'accepted'>)).toThrow(never);
    }
    for (const from of [taken, done, line] as BriefState[]) {
      const state = { ...from, refusalId: 'req_1' } as unknown as StateOf<'submitting'>;
      expect(() => moves.refused({ state, earlier: 'none' }, 'req_1')).toThrow(never);
      expect(() => moves.readdressed({ state, earlier: 'none' })).toThrow(never);
    }
  });

  it('S4: has no second line for a brief', () => {
    expect(() => moves.lined(line, 'failed')).toThrow(/cannot get another/);
  });

  it('S6, S7: a place is held while a task may run, and credits until it is settled', () => {
    expect(holdings).toEqual({
      waiting: { place: false, credits: false },
      admitted: { place: false, credits: false },
      submitting: { place: true, credits: true },
      accepted: { place: true, credits: true },
      ready: { place: false, credits: true },
      lined: { place: false, credits: false },
    });
  });
});
