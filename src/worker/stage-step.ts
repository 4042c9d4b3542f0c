import type { BriefState } from '../shared/ledger/brief-state.js';
import type { QueueStage } from '../shared/queues.js';

/** What a stage works on: one brief under one attempt. */
export interface StageJob {
  briefId: string;
  attempt: number;
  /** Result URLs, for the collect stage; absent when it must read them from the task. */
  urls?: string[];
  /** How often the task was read again for fresh URLs. */
  rereads?: number;
  /** Submit: how often a reference could not be had; absent for none. */
  tries?: number;
  /** Submit: how often it was refused without a reason, and put off; absent for never. */
  puttingsOff?: number;
}

/** What is to become of the job; only the edge turns it into queue operations. */
export type Step =
  | { kind: 'done' }
  /** The brief goes on in another queue (or, with a new attempt, in this one). */
  | { kind: 'next'; stage: QueueStage; attempt: number; delayMs: number; urls?: string[] }
  /** The same job again, later: no worker slot is held meanwhile (S2). `fresh` URLs replace the job's. */
  | {
      kind: 'later';
      afterMs: number;
      fresh?: { urls: string[]; rereads: number };
      tries?: number;
      puttingsOff?: number;
    }
  /** Submissions as a whole are held: the job goes back to the head of its queue (S2). */
  | { kind: 'hold'; waitMs: number }
  /** The ledger does not know the brief, or not what is to be sent of it: its state is missing. */
  | { kind: 'missing' };

/**
 * The step for a job that finds its brief elsewhere: a crash came between moving the stage and adding the
 * next job, or a frozen worker woke up late. Adding a job twice changes nothing, so this is always safe.
 */
export function stepFor(state: BriefState | null): Step {
  if (state === null) return { kind: 'missing' };
  switch (state.stage) {
    case 'admitted':
    case 'submitting':
      return { kind: 'next', stage: 'submit', attempt: state.attempt, delayMs: 0 };
    case 'accepted':
      return { kind: 'next', stage: 'status', attempt: state.attempt, delayMs: 0 };
    case 'ready':
      return { kind: 'next', stage: 'collect', attempt: state.attempt, delayMs: 0 };
    case 'lined':
      return { kind: 'done' };
    default:
      return state satisfies never;
  }
}

/** The step for a job that finds no content: that goes when its brief succeeds, and never before. */
export function stepWithoutContent(state: BriefState | null): Step {
  return state?.stage === 'lined' ? { kind: 'done' } : { kind: 'missing' };
}
