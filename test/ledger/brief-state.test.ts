import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BriefState, decodeState, encodeState } from '../../src/ledger/brief-state.js';
import { accepted } from './brief-states.js';

const ms = fc.integer({ min: 0, max: 4_102_444_800_000 });
const head = {
  attempt: fc.integer({ min: 1, max: 99 }),
  fingerprint: fc.stringMatching(/^[0-9a-f]{32}$/),
  seq: fc.integer({ min: 1, max: 10_000_000 }),
};
// Anything the API may call a request or a task, the separator of the encoding included.
const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
const sending = {
  ...head,
  admittedAt: ms,
  sends: fc.nat(99),
  refusalId: fc.option(fc.oneof(word, fc.constantFrom('|', 'a|1|b|{}', '"}'))),
};
const taken = {
  ...head,
  admittedAt: ms,
  sends: fc.nat(99),
  taskId: word,
  reserved: fc.option(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })),
  submittedAt: ms,
  category: fc.constantFrom('image', 'audio', 'video'),
  checks: fc.nat(99),
  kind: fc.option(word),
  runningAt: fc.option(ms),
};
const states = fc.oneof(
  fc.record({ stage: fc.constant('admitted'), ...sending }),
  fc.record({ stage: fc.constant('submitting'), ...sending, firstSentAt: ms }),
  fc.record({ stage: fc.constant('accepted'), ...taken }),
  fc.record({
    stage: fc.constant('ready'),
    ...taken,
    final: fc.option(fc.nat()),
    completedAt: ms,
  }),
  fc.record({
    stage: fc.constant('lined'),
    ...head,
    status: fc.constantFrom('succeeded', 'failed', 'unknown', 'cancelled'),
  }),
) as fc.Arbitrary<BriefState>;

describe('a state as text', () => {
  it('S1: comes back as it was, whatever is in it', () => {
    fc.assert(
      fc.property(states, (state) => {
        const text = encodeState(state);
        const read = decodeState(text);
        expect(read.text).toBe(text);
        expect(read.state).toEqual(JSON.parse(JSON.stringify(state)));
        expect(encodeState(read.state)).toBe(encodeState(state));
      }),
    );
  });

  it('begins with what Lua needs to see', () => {
    fc.assert(
      fc.property(states, (state) => {
        // Of a finished one Lua reads nothing more.
        const rest = state.stage === 'lined' ? '[0-9]' : '\\{';
        expect(encodeState(state)).toMatch(new RegExp(`^[a-z]+\\|[0-9]+\\|[0-9a-f]+\\|${rest}`));
      }),
    );
  });

  it('of a finished brief is read as an earlier version wrote it', () => {
    const state = { seq: 7, status: 'unknown', run: 2 };
    const lined = { stage: 'lined', attempt: 3, fingerprint: 'ab', ...state };
    expect(decodeState(`lined|3|ab|${JSON.stringify(state)}`).state).toEqual(lined);
    expect(decodeState('lined|3|ab|7,unknown,2').state).toEqual(lined);
  });

  it('S3: of an accepted task is read as an earlier version wrote it', () => {
    const { kind: _kind, runningAt: _at, ...before } = accepted('task_1');
    const text = encodeState(before as BriefState);
    expect(decodeState(text).state).toEqual({ ...before, kind: null, runningAt: null });
  });

  it.each([
    ['a stage that there is not', 'sleeping|1|ab|{"seq":1}'],
    ['a stage without what it needs', 'accepted|1|ab|{"seq":1,"admittedAt":1,"sends":1}'],
    ['an attempt of 0', 'lined|0|ab|{"seq":1,"status":"failed"}'],
    ['no JSON', 'lined|1|ab|'],
    ['no text at all', ''],
  ])('is refused with %s', (_what, text) => {
    expect(() => decodeState(text)).toThrow();
  });
});
