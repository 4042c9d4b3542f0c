import { expect, it } from 'vitest';
import { BatchError, type ErrorCode, exitCodeOf } from '../../src/shared/errors.js';

it.each<[ErrorCode, number]>([
  ['usage', 2],
  ['bad_input', 2],
  ['bad_configuration', 2],
  ['batch_conflict', 2],
  ['batch_not_found', 2],
  ['batch_unfinished', 2],
  ['later_version', 2],
  ['key_refused', 4],
  ['api_unavailable', 1],
  ['redis_missing', 1],
  ['redis_unreachable', 1],
  ['redis_unsuitable', 1],
  ['output_unusable', 1],
  ['internal', 1],
])('%s ends a command with %i', (code, exitCode) => {
  expect(exitCodeOf(new BatchError(code, 'text'))).toBe(exitCode);
});

it('takes whatever else is thrown for unexpected, and keeps a cause', () => {
  expect(exitCodeOf(new Error('text'))).toBe(1);
  expect(exitCodeOf('text')).toBe(1);
  const cause = new Error('why');
  expect(new BatchError('internal', 'text', { cause }).cause).toBe(cause);
});
