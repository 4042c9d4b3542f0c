import type { BriefState, StateOf } from '../../src/ledger/brief-state.js';

const admittedAt = Date.parse('2026-06-01T12:00:00.000Z');
const base = { attempt: 1, fingerprint: 'ab', seq: 1, admittedAt };

export function waiting() {
  return { stage: 'waiting', ...base } satisfies BriefState;
}

export function submitting(firstSentAt: number, patch: Partial<StateOf<'submitting'>> = {}) {
  return {
    stage: 'submitting',
    ...base,
    sends: 1,
    refusalId: null,
    firstSentAt,
    ...patch,
  } satisfies BriefState;
}

export function accepted(taskId: string, patch: Partial<StateOf<'accepted'>> = {}) {
  return {
    stage: 'accepted',
    ...base,
    sends: 1,
    taskId,
    reserved: 1,
    submittedAt: Date.now(),
    category: 'image',
    checks: 0,
    kind: 'z-image',
    runningAt: null,
    ...patch,
  } satisfies BriefState;
}

export function ready(taskId: string, patch: Partial<StateOf<'ready'>> = {}) {
  return {
    ...accepted(taskId),
    stage: 'ready',
    final: 1,
    completedAt: Date.now(),
    ...patch,
  } satisfies BriefState;
}
