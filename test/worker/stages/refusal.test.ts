import { describe, expect, it } from 'vitest';
import { judgeAnswer } from '../../../src/rivya/judge-answer.js';
import type { Refusal } from '../../../src/rivya/outcome.js';
import { parseTask } from '../../../src/rivya/parse.js';
import {
  type Endpoint,
  explainRefusal,
  holdFor,
  meaningOf,
} from '../../../src/worker/stages/refusal.js';
import { type Bench, openBench } from './stage-bench.js';

const page = '<!doctype html><title>Blocked</title>';

/** What the API says no with: its code, or a page where that is null. */
function refusal(httpStatus: number, code: string | null, message = 'No.'): Refusal {
  const text = code === null ? page : JSON.stringify({ error: { code, message } });
  const outcome = judgeAnswer(
    { kind: 'answered', httpStatus, headers: {}, text },
    parseTask,
    'a task id',
    0,
  );
  if (outcome.kind !== 'refused') throw new Error(`HTTP ${httpStatus} ${code} is no refusal`);
  return outcome.refusal;
}

const endpoints: Endpoint[] = ['submit', 'upload', 'status', 'links', 'look'];
const running = 'You have too many running tasks.';

/** HTTP status, code, then what it means to each endpoint; every documented code, and some that may come. */
const table: [number, string | null, string, string][] = [
  [429, 'rate_limited', 'No.', 'pace pace pace pace pace'],
  [429, 'too_many_requests', 'No.', 'pace pace pace pace pace'],
  [429, null, '', 'pace pace pace pace pace'],
  [429, 'rate_limited', running, 'places pace pace pace pace'],
  [429, 'concurrency_limit', 'No.', 'places pace pace pace pace'],
  [402, 'insufficient_credits', 'No.', 'credits credits later later nothing'],
  [400, 'insufficient_credits', 'No.', 'credits credits later later nothing'],
  [402, 'payment_required', 'No.', 'credits credits later later nothing'],
  [401, 'api_key_missing', 'No.', 'key key key key nothing'],
  [401, 'api_key_invalid', 'No.', 'key key key key nothing'],
  [401, 'api_key_revoked', 'No.', 'key key key key nothing'],
  [401, 'api_key_expired', 'No.', 'key key key key nothing'],
  [403, 'api_scope_denied', 'No.', 'key key key key nothing'],
  [503, 'public_api_disabled', 'No.', 'api api wait later nothing'],
  [403, 'blocked', 'No.', 'put_off later later later nothing'],
  [401, null, '', 'put_off later later later nothing'],
  [403, null, '', 'put_off later later later nothing'],
  [404, null, '', 'put_off later later later nothing'],
  [409, 'task_locked', 'No.', 'in_doubt later later later nothing'],
  [425, null, '', 'in_doubt later later later nothing'],
  [409, 'idempotency_conflict', 'No.', 'unknown later later later nothing'],
  [404, 'not_found', 'No.', 'failed failed gone later nothing'],
  [400, 'validation_failed', 'No.', 'failed failed later later nothing'],
  [400, 'webhook_url_rejected', 'No.', 'failed failed later later nothing'],
  [400, 'chat_model_not_supported', 'No.', 'failed failed later later nothing'],
  [409, 'chat_session_conflict', 'No.', 'failed failed later later nothing'],
  [400, 'chat_attachment_not_supported', 'No.', 'failed failed later later nothing'],
  [413, 'file_too_large', 'No.', 'failed failed later later nothing'],
];

describe('what a refusal means', () => {
  it.each(table)('HTTP %i %s (%s): %s', (httpStatus, code, message, meanings) => {
    const refused = refusal(httpStatus, code, message);
    expect(endpoints.map((endpoint) => meaningOf(refused, endpoint)).join(' ')).toBe(meanings);
  });

  it('S1 S3: ends a brief for what its submission or its files were refused for, and for nothing else', () => {
    for (const [httpStatus, code, message] of table) {
      const refused = refusal(httpStatus, code, message);
      for (const endpoint of ['status', 'links', 'look'] as const) {
        expect(['failed', 'unknown']).not.toContain(meaningOf(refused, endpoint));
      }
    }
  });

  it('S7: is a matter of the pace wherever it is a 429, but for a submission that found no place', () => {
    for (const [httpStatus, code, message] of table.filter(([status]) => status === 429)) {
      for (const endpoint of ['upload', 'status', 'links', 'look'] as const) {
        expect(meaningOf(refusal(httpStatus, code, message), endpoint)).toBe('pace');
      }
    }
  });

  it('goes with what the API said, for a person and for the wait', () => {
    const said = { ...refusal(401, 'api_key_revoked', 'Gone.'), retryAfterMs: 7_000 };
    expect(holdFor('pace', said)).toEqual({ kind: 'pace', retryAfterMs: 7_000 });
    expect(holdFor('key', said)).toMatchObject({ code: 'api_key_revoked', message: 'Gone.' });
    expect(holdFor('api', said)).toEqual({ kind: 'api', reason: 'Gone.', retryAfterMs: 7_000 });
  });
});

describe('a look at whom a page is about', () => {
  const looks = (bench: Bench) => bench.simulator.bill().requests.byEndpoint;

  it('S7: moves the pace where it is refused with 429, and finds nothing out', async () => {
    const bench = await openBench({ faults: ['rate-limited=7:1x:endpoint=credits'] });
    const blocked = refusal(403, null);
    expect(await explainRefusal(bench.context, blocked)).toBe(blocked);
    expect(await bench.account.view()).toMatchObject({ refusals: 1, gate: { kind: 'open' } });
    expect(looks(bench).credits).toEqual({ 429: 1 });
  });

  it('S7: so does the one at the list of models', async () => {
    const faults = ['page=403:endpoint=credits', 'rate-limited=7:1x:endpoint=models'];
    const bench = await openBench({ faults });
    const blocked = refusal(403, null);
    expect(await explainRefusal(bench.context, blocked)).toBe(blocked);
    expect(await bench.account.view()).toMatchObject({ refusals: 1 });
  });

  it('is made once in a minute', async () => {
    const bench = await openBench({ credits: 5 });
    for (const _ of [1, 2, 3]) await explainRefusal(bench.context, refusal(403, null));
    expect(looks(bench).credits).toEqual({ 200: 1 });
    expect(await bench.account.records.wallet()).toMatchObject({ credits: 5 });
  });
});
