import { describe, expect, it } from 'vitest';
import { batchState, isFinalized, isOver, readMeta } from '../../src/ledger/batch-meta.js';

/** As Redis has it, with what a batch was created as. */
function read(fields: Record<string, string>, submitQueue: 'going' | 'paused' = 'going') {
  return readMeta('spring', { account: 'a', createdAt: '1', ...fields }, submitQueue);
}

const complete = { admission: 'complete', admissions: '2', admitted: '3' };
const lines = { 'lines:succeeded': '2', 'lines:failed': '1' };

describe('a batch stands', () => {
  it.each<[string, Record<string, string>, object]>([
    ['before its first admission', {}, { stage: 'admitting', pending: 0 }],
    ['while its input is admitted', { admission: 'open', admitted: '3' }, { stage: 'admitting' }],
    ['once it is', complete, { stage: 'running', pending: 3, capped: null }],
    ['at its cap', { ...complete, capped: 'day_cap' }, { stage: 'running', capped: 'day_cap' }],
    ['with all its lines', { ...complete, ...lines }, { stage: 'finished', finalized: false }],
    [
      'with its closing files, which stand for this admission',
      { ...complete, ...lines, finalized: '2' },
      { stage: 'finished', finalized: true },
    ],
    [
      'with those of an earlier admission',
      { ...complete, ...lines, finalized: '1' },
      { stage: 'finished', finalized: false },
    ],
    ['cancelled', { ...complete, cancelled: '1' }, { stage: 'cancelled', pending: 3 }],
  ])('%s', (_where, fields, expected) => {
    expect(read(fields)).toMatchObject(expected);
  });

  it('and what is of another stage is not there', () => {
    expect(read({ ...complete, ...lines, capped: 'cap' }, 'paused')).not.toHaveProperty('paused');
    expect(read({ ...complete, ...lines, capped: 'cap' })).not.toHaveProperty('capped');
    expect(read({ ...complete, finalized: '2' })).not.toHaveProperty('finalized');
  });

  it('paused where its queue is, as long as there is something to hold back', () => {
    const states = [complete, { ...complete, admission: 'open' }, { ...complete, ...lines }].map(
      (fields) => {
        const meta = read(fields, 'paused');
        return meta && batchState(meta);
      },
    );
    expect(states).toEqual(['paused', 'paused', 'finished']);
    // A mark of an earlier version, whose queue was paused as well.
    expect(read({ ...complete, paused: '1' })).toMatchObject({ paused: false });
  });
});

it('S4: a cancelled batch is over when what was submitted has its lines', () => {
  const left = read({ ...complete, cancelled: '1', finalized: '2' });
  expect(left && [isOver(left), isFinalized(left)]).toEqual([false, false]);
  const over = read({ ...complete, ...lines, cancelled: '1', finalized: '2' });
  expect(over && [isOver(over), isFinalized(over)]).toEqual([true, true]);
});

it.each<[string, Record<string, string>]>([
  ['more lines than briefs', { ...complete, ...lines, admitted: '2' }],
  ['a count that is no number', { ...complete, rejected: 'many' }],
  ['a cap that nobody knows', { ...complete, capped: 'moon' }],
])('S4: what cannot be is not read: %s', (_what, fields) => {
  expect(() => read(fields)).toThrow(expect.objectContaining({ code: 'state_lost' }));
});

it('is null where there is none', () => {
  expect(readMeta('spring', {})).toBeNull();
  expect(readMeta('spring', { 'lines:succeeded': '1' })).toBeNull();
});
