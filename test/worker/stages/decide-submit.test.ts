import { describe, expect, it } from 'vitest';
import type { Refusal, RefusalKind, SubmitOutcome, Task } from '../../../src/rivya/outcome.js';
import {
  decideSubmit,
  type SubmitAction,
  type SubmitSituation,
} from '../../../src/worker/stages/decide-submit.js';

const hourMs = 3_600_000;

const task: Task = {
  id: 'task_1',
  status: { kind: 'running', word: 'queued' },
  reservedCredits: 1,
  finalCredits: 0,
  lifeMs: null,
  updatedAtMs: null,
  urls: [],
  error: null,
};

const refused = (kind: RefusalKind, patch: Partial<Refusal> = {}): SubmitOutcome => ({
  kind: 'refused',
  refusal: {
    kind,
    code: `code_${kind}`,
    message: 'Said the API.',
    httpStatus: 400,
    requestId: 'req_1',
    retryAfterMs: null,
    ...patch,
  },
  pace: null,
});

const accepted: SubmitOutcome = { kind: 'accepted', task, pace: null };
const unreachable: SubmitOutcome = { kind: 'unreachable', reason: 'ECONNREFUSED', cause: null };
const unknown: SubmitOutcome = {
  kind: 'unknown',
  reason: 'the connection broke',
  httpStatus: null,
  requestId: 'req_u',
  retryAfterMs: null,
  cause: null,
};

const first: SubmitSituation = {
  outcome: accepted,
  sends: 1,
  earlier: 'none',
  keyAgeMs: 0,
  uploads: 'none',
  keyLifeMs: 24 * hourMs,
  puttingsOff: 0,
};
const again = { sends: 2, earlier: 'open', keyAgeMs: 10_000 } as const;

const decide = (outcome: SubmitOutcome, patch: Partial<SubmitSituation> = {}): SubmitAction =>
  decideSubmit({ ...first, ...patch, outcome });

/** Outcome -> action at the first send, and while an earlier send of the key is open. */
const table: [string, SubmitOutcome, SubmitAction['kind'], SubmitAction['kind']][] = [
  ['accepted', accepted, 'accept', 'accept'],
  ['unknown', unknown, 'ask_again', 'ask_again'],
  ['unreachable', unreachable, 'give_back', 'ask_again'],
  ['rate_limited', refused('rate_limited'), 'give_back', 'keep_open'],
  ['insufficient_credits', refused('insufficient_credits'), 'give_back', 'keep_open'],
  ['key_refused', refused('key_refused'), 'give_back', 'keep_open'],
  ['api_disabled', refused('api_disabled'), 'give_back', 'keep_open'],
  ['unexplained', refused('unexplained'), 'put_off', 'ask_again'],
  ['busy', refused('busy'), 'ask_again', 'ask_again'],
  ['idempotency_conflict', refused('idempotency_conflict'), 'end_unknown', 'end_unknown'],
  ['not_found', refused('not_found'), 'fail', 'end_unknown'],
  ['invalid', refused('invalid'), 'fail', 'end_unknown'],
];

describe.each(table)('%s', (_name, outcome, atFirst, whileOpen) => {
  it(`S1: leads to ${atFirst} at the first send`, () => {
    expect(decide(outcome).kind).toBe(atFirst);
  });

  it(`S1: leads to ${whileOpen} while an earlier send may have been paid`, () => {
    expect(decide(outcome, again).kind).toBe(whileOpen);
  });

  it('S1: never gives a brief back, nor calls it unpaid, while an earlier send is open', () => {
    const action = decide(outcome, again);
    expect(['give_back', 'put_off', 'renew_references', 'fail']).not.toContain(action.kind);
  });

  it('S1: plans no send for when the key may have been forgotten', () => {
    const keyAgeMs = 24 * hourMs - 1;
    const action = decide(outcome, { ...again, sends: 20, keyAgeMs });
    expect(action.kind).not.toBe('ask_again');
  });
});

describe('what goes with an action', () => {
  it('asks again after 5 s, doubling to a minute', () => {
    const waits = [1, 2, 3, 4, 5, 6, 99].map((sends) => decide(unknown, { ...again, sends }));
    expect(waits.map((action) => 'afterMs' in action && action.afterMs)).toEqual([
      5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000,
    ]);
  });

  it('S1: ends as unknown, with what is known, when no time for another send is left', () => {
    const keyAgeMs = 24 * hourMs - 5_000;
    expect(decide(unknown, { keyAgeMs })).toMatchObject({
      kind: 'end_unknown',
      error: { code: 'outcome_unknown', request_id: 'req_u' },
    });
    expect(decide(unknown, { keyAgeMs: keyAgeMs - 1 }).kind).toBe('ask_again');
  });

  it('S1, S2: puts a brief off that is refused without a reason, spaced, with its key; then its line', () => {
    const actions = [0, 1, 2, 3, 4, 5].map((puttingsOff) =>
      decide(refused('unexplained', { code: 'http_403' }), { puttingsOff }),
    );
    const put = (afterMs: number) => ({
      kind: 'put_off',
      afterMs,
      reason: 'Said the API.',
    });
    expect(actions.slice(0, 5)).toEqual([5_000, 10_000, 20_000, 40_000, 60_000].map(put));
    expect(actions[5]).toMatchObject({ kind: 'fail', error: { code: 'http_403' } });
  });

  it('S1: asks about one in doubt for an hour, however it is refused, and leaves it to a person then', () => {
    const refusal = refused('unexplained', { code: 'http_403' });
    const at = (keyAgeMs: number, sends: number) => decide(refusal, { ...again, keyAgeMs, sends });
    expect(at(hourMs / 2, 40).kind).toBe('ask_again');
    expect(at(hourMs, 70)).toMatchObject({
      kind: 'end_unknown',
      error: { code: 'outcome_unknown' },
    });
    // Looked at after a long stop: a refusal or two may be a firewall that is being set up.
    expect(at(5 * hourMs, 2).kind).toBe('ask_again');
    expect(at(5 * hourMs, 6).kind).toBe('end_unknown');
  });

  it("keeps the API's own code and request id for the line", () => {
    const error = { code: 'code_invalid', message: 'Said the API.', request_id: 'req_1' };
    expect(decide(refused('invalid'))).toEqual({ kind: 'fail', error });
  });

  it("S1: gives back with the refusal's id, by which its replay is recognised", () => {
    const once = decide(refused('insufficient_credits'));
    expect(once).toMatchObject({ kind: 'give_back', requestId: 'req_1' });
  });

  it('S7: says why all submissions are held, with the wait that the API asked for', () => {
    const holds = [
      decide(refused('rate_limited', { retryAfterMs: 7_000 })),
      decide(refused('insufficient_credits')),
      decide(refused('key_refused')),
      decide(refused('api_disabled', { retryAfterMs: 9_000 })),
      decide(unreachable),
    ].map((action) => 'hold' in action && action.hold);
    expect(holds).toEqual([
      { kind: 'pace', retryAfterMs: 7_000 },
      { kind: 'credits' },
      {
        kind: 'key',
        code: 'code_key_refused',
        message: 'Said the API.',
        requestId: 'req_1',
      },
      { kind: 'api', retryAfterMs: 9_000, reason: 'Said the API.' },
      { kind: 'api', retryAfterMs: null, reason: 'ECONNREFUSED' },
    ]);
  });
});

describe('a refusal that names a reference', () => {
  const words = { message: 'params.referenceMediaItems: the file has expired.' };
  const gone = refused('invalid', words);

  it('S1: leads to new uploads, once', () => {
    expect(decide(gone, { uploads: 'first' })).toEqual({ kind: 'renew_references' });
    expect(decide(gone, { uploads: 'renewed' }).kind).toBe('fail');
    expect(decide(gone, { uploads: 'none' }).kind).toBe('fail');
  });

  it('S1: does not while an earlier send may have been paid', () => {
    expect(decide(gone, { ...again, uploads: 'first' }).kind).toBe('end_unknown');
  });

  it('is told from one that names something else', () => {
    const other = refused('invalid', { message: 'prompt: too long.' });
    expect(decide(other, { uploads: 'first' }).kind).toBe('fail');
    const credits = refused('insufficient_credits', words);
    expect(decide(credits, { uploads: 'first' }).kind).toBe('give_back');
  });
});
