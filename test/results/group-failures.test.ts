import { expect, it } from 'vitest';
import { groupFailures, remedyFor } from '../../src/results/failures.js';
import type { LineError, LineStatus, ManifestLine } from '../../src/shared/manifest-line.js';
import { manifestLine } from '../shared/manifest-lines.js';

async function* lines(
  ...ends: [string, LineStatus, LineError | null][]
): AsyncGenerator<ManifestLine> {
  for (const [brief_id, status, error] of ends) yield manifestLine({ brief_id, status, error });
}

const error = (code: string, message = 'why', request_id: string | null = null): LineError => ({
  code,
  message,
  request_id,
});

it('groups what did not succeed by code, the most frequent first, with the first as example', async () => {
  const groups = await groupFailures(
    lines(
      ['a', 'succeeded', null],
      ['b', 'failed', error('nsfw', 'first', 'req_1')],
      ['c', 'unknown', error('task_overdue')],
      ['d', 'failed', error('nsfw', 'second')],
      ['e', 'unknown', error('nsfw')],
      ['f', 'cancelled', null],
    ),
  );
  expect(groups).toEqual([
    {
      code: 'nsfw',
      count: 3,
      statuses: { failed: 2, unknown: 1 },
      example: { brief_id: 'b', message: 'first', request_id: 'req_1' },
      remedy: remedyFor('nsfw'),
    },
    {
      code: 'cancelled',
      count: 1,
      statuses: { cancelled: 1 },
      example: { brief_id: 'f', message: '', request_id: null },
      remedy: remedyFor('cancelled'),
    },
    {
      code: 'task_overdue',
      count: 1,
      statuses: { unknown: 1 },
      example: { brief_id: 'c', message: 'why', request_id: null },
      remedy: remedyFor('task_overdue'),
    },
  ]);
});

it('finds nothing where all succeeded', async () => {
  expect(await groupFailures(lines(['a', 'succeeded', null]))).toEqual([]);
});

it('has a remedy of its own for each code that this program gives, and one for all others', () => {
  const ours = [
    'insufficient_credits',
    'validation_failed',
    'not_found',
    'generation_failed',
    'outcome_unknown',
    'idempotency_conflict',
    'task_overdue',
    'task_not_found',
    'download_failed',
    'download_unavailable',
    'succeeded_no_output',
    'result_url_refused',
    'result_too_large',
    'internal_error',
  ];
  const other = remedyFor('never_seen_before');
  expect(new Set([other, ...ours.map(remedyFor)]).size).toBe(ours.length + 1);
  for (const code of ['constructor', 'toString', '__proto__']) expect(remedyFor(code)).toBe(other);
});
