import { describe, expect, it } from 'vitest';
import { judgeAnswer } from '../../src/rivya/judge-answer.js';
import { parseTask } from '../../src/rivya/parse.js';
import { frozen, newClient, queuedTask } from './new-client.js';
import { sendJson, startServer } from './stand-in-server.js';

const html = '<!doctype html><title>Bad gateway</title>';

function judge(httpStatus: number, body: unknown, headers: Record<string, string> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return judgeAnswer(
    { kind: 'answered', httpStatus, headers, text },
    parseTask,
    'a task id',
    Date.parse('2026-05-10T12:00:00Z'),
  );
}

it('takes no task id with broken text in it, which no path can hold', () => {
  expect(parseTask({ id: 'task_\ud800', status: 'queued' })).toBeNull();
  expect(parseTask({ id: 'task_😀', status: 'queued' })?.id).toBe('task_😀');
});

describe('refusals', () => {
  const refused: [number, string, string][] = [
    [429, 'rate_limited', 'rate_limited'],
    [503, 'rate_limited', 'rate_limited'],
    [400, 'rate_limited', 'rate_limited'],
    [402, 'insufficient_credits', 'insufficient_credits'],
    [400, 'insufficient_credits', 'insufficient_credits'],
    [403, 'insufficient_credits', 'insufficient_credits'],
    [409, 'insufficient_credits', 'insufficient_credits'],
    [500, 'insufficient_credits', 'insufficient_credits'],
    [200, 'insufficient_credits', 'insufficient_credits'],
    [401, 'api_key_missing', 'key_refused'],
    [401, 'api_key_invalid', 'key_refused'],
    [401, 'api_key_revoked', 'key_refused'],
    [400, 'api_key_expired', 'key_refused'],
    [403, 'api_scope_denied', 'key_refused'],
    [503, 'public_api_disabled', 'api_disabled'],
    [403, 'public_api_disabled', 'api_disabled'],
    [409, 'idempotency_conflict', 'idempotency_conflict'],
    [422, 'idempotency_conflict', 'idempotency_conflict'],
    [404, 'not_found', 'not_found'],
    [400, 'validation_failed', 'invalid'],
    [403, 'validation_failed', 'invalid'],
    [409, 'chat_session_conflict', 'invalid'],
    [403, 'chat_model_not_supported', 'invalid'],
    [404, 'chat_attachment_not_supported', 'invalid'],
    [403, 'webhook_url_rejected', 'invalid'],
  ];
  it.each(refused)('HTTP %i %s is %s', (status, code, kind) => {
    const body = { error: { code, message: 'No.', requestId: 'req_1' } };
    expect(judge(status, body)).toEqual({
      kind: 'refused',
      refusal: {
        kind,
        code,
        message: 'No.',
        httpStatus: status,
        requestId: 'req_1',
        retryAfterMs: null,
      },
      pace: null,
    });
  });

  const byClass: [status: number, newCode: string, noCode: string][] = [
    [400, 'invalid', 'unexplained'],
    [401, 'unexplained', 'unexplained'],
    [402, 'insufficient_credits', 'insufficient_credits'],
    [403, 'unexplained', 'unexplained'],
    [404, 'not_found', 'unexplained'],
    [405, 'invalid', 'unexplained'],
    [409, 'busy', 'busy'],
    [413, 'invalid', 'unexplained'],
    [422, 'invalid', 'unexplained'],
    [425, 'busy', 'busy'],
    [429, 'rate_limited', 'rate_limited'],
    [451, 'invalid', 'unexplained'],
  ];
  it.each(byClass)('HTTP %i with a new code is %s, and with a page or nothing %s', (...row) => {
    const [status, newCode, noCode] = row;
    for (const code of ['brand_new', 'toString']) {
      const coded = judge(status, { error: { code, message: 'x' } });
      expect(coded).toMatchObject({ kind: 'refused', refusal: { kind: newCode, code } });
    }
    for (const body of [html, '', 'null', '[]', '{"error":null}']) {
      const refusal = { kind: noCode, code: `http_${status}` };
      expect(judge(status, body)).toMatchObject({ kind: 'refused', refusal });
    }
  });

  it('says when to come back', () => {
    const headers = { 'retry-after': '1.5', 'x-request-id': 'req_h' };
    expect(judge(429, html, headers)).toMatchObject({
      refusal: { retryAfterMs: 1500, requestId: 'req_h' },
    });
  });

  it('counts a date from the clock of the sender', () => {
    const headers = {
      date: 'Sun, 10 May 2026 08:00:00 GMT',
      'retry-after': 'Sun, 10 May 2026 08:00:30 GMT',
    };
    expect(judge(429, '', headers)).toMatchObject({ refusal: { retryAfterMs: 30_000 } });
  });
});

describe('S1: answers that settle nothing', () => {
  it.each([
    300, 301, 302, 303, 304, 307, 308, 407, 408, 444, 460, 499, 500, 502, 503, 504, 520, 599, 600,
  ])('HTTP %i is unknown', (status) => {
    for (const body of [html, '', { error: { code: 'internal_error', requestId: 'req_2' } }]) {
      expect(judge(status, body)).toMatchObject({ kind: 'unknown', httpStatus: status });
    }
  });

  it.each([418, 419, 430, 450, 498])('HTTP %i without a code is unknown', (status) => {
    for (const body of [html, '', '{}']) {
      expect(judge(status, body)).toMatchObject({ kind: 'unknown', httpStatus: status });
    }
    expect(judge(status, { error: { code: 'brand_new' } })).toMatchObject({ kind: 'refused' });
  });

  it('a redirect or a proxy without a login says what to look at', () => {
    expect(judge(301, html)).toMatchObject({ reason: expect.stringContaining('RIVYA_BASE_URL') });
    expect(judge(407, html)).toMatchObject({ reason: expect.stringContaining('HTTPS_PROXY') });
  });

  it('a 5xx with a code that a 4xx would settle is unknown', () => {
    expect(judge(500, { error: { code: 'validation_failed' } })).toMatchObject({ kind: 'unknown' });
  });

  it.each([
    ['a page', html],
    ['nothing', ''],
    ['no id', { status: 'queued' }],
    ['a number for an id', { id: 7 }],
    ['an empty id', { id: '' }],
    ['half a body', '{"id":"task_1"'],
    ['a list', '[]'],
  ])('a success with %s is unknown', (_name, body) => {
    for (const status of [200, 201, 202]) {
      expect(judge(status, body)).toMatchObject({
        kind: 'unknown',
        httpStatus: status,
        cause: null,
      });
    }
  });

  it('keeps request id and Retry-After', () => {
    const body = { error: { code: 'x', request_id: 'req_3' } };
    expect(judge(503, body, { 'retry-after': '7' })).toMatchObject({
      requestId: 'req_3',
      retryAfterMs: 7000,
    });
  });
});

describe('over the wire', () => {
  it.each([200, 201, 202, 299])('a task with HTTP %i is accepted', async (status) => {
    const server = await startServer(sendJson(queuedTask, status));
    expect(await newClient(server.origin).submit(frozen)).toMatchObject({ kind: 'accepted' });
  });

  it('a 502 page is unknown for every method', async () => {
    const server = await startServer((_request, response) => {
      response.writeHead(502, { 'content-type': 'text/html' }).end(html);
    });
    const client = newClient(server.origin);
    const outcomes = [
      await client.submit(frozen),
      await client.readTask('t'),
      await client.listModels(),
      await client.readCredits(),
    ];
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        kind: 'unknown',
        reason: 'HTTP 502 without JSON (text/html).',
      });
    }
  });

  it('a byte order mark is no obstacle', async () => {
    const server = await startServer((_request, response) => {
      response.end(`\uFEFF${JSON.stringify(queuedTask)}`);
    });
    expect(await newClient(server.origin).submit(frozen)).toMatchObject({ kind: 'accepted' });
  });
});
