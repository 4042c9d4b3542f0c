import { expect, it } from 'vitest';
import { stepFor } from '../../../src/worker/stages/step.js';
import { accepted, ready, submitting } from '../../ledger/brief-states.js';

it('S1: sends a job whose brief is elsewhere to where it is, under the attempt it is at', () => {
  const waiting = { ...submitting(0, { attempt: 3 }), stage: 'admitted' } as const;
  expect(stepFor(waiting)).toEqual({ kind: 'next', stage: 'submit', attempt: 3, delayMs: 0 });
  const sent = submitting(0, { attempt: 2 });
  expect(stepFor(sent)).toEqual({ kind: 'next', stage: 'submit', attempt: 2, delayMs: 0 });
  const running = accepted('task_1', { attempt: 2 });
  expect(stepFor(running)).toEqual({ kind: 'next', stage: 'status', attempt: 2, delayMs: 0 });
  const charged = ready('task_1', { attempt: 4 });
  expect(stepFor(charged)).toEqual({ kind: 'next', stage: 'collect', attempt: 4, delayMs: 0 });
});

it('S4: has nothing to do for a brief that has its line; one that the ledger does not know is missing', () => {
  const { attempt, fingerprint, seq } = accepted('task_1');
  const lined = { stage: 'lined', attempt, fingerprint, seq, status: 'failed' } as const;
  expect(stepFor(lined)).toEqual({ kind: 'done' });
  expect(stepFor(null)).toEqual({ kind: 'missing' });
});
