import type { JsonObject } from '../shared/json.js';

export type ResultFile = { name: string; kind: 'picture' | 'sound' | 'film' };

type Outcome =
  | { kind: 'succeeds'; result: 'files' | 'null' | 'empty-urls' }
  | {
      kind: 'fails';
      code: string;
      message: string;
      error: 'present' | 'absent';
      charge: 'refunded' | 'kept';
    }
  | { kind: 'never-ends' };

/** How a task will go; fixed when it is made. */
export interface Fate {
  outcome: Outcome;
  /** final_credits of a success = reserved_credits x this. */
  finalFactor: number;
  /** Not found by reads for so long after it was made. */
  hiddenForMs: number;
  strangeStatus: { word: string; forMs: number } | null;
  extraFields: JsonObject;
  firstLinks: 'good' | 'expired';
  /** Reads show no links for so long after the task's end. */
  linksLateForMs: number;
  /** Links answer with this status for so long after the task's end; null where they are good at once. */
  filesLate: { forMs: number; status: number } | null;
  /** Null: as many files as the params ask for. */
  fileCount: number | null;
}

/** A generation on the simulator's side; its status is computed from these times when somebody asks. */
export interface SimulatedTask {
  readonly id: string;
  readonly apiKey: string;
  readonly idempotencyKey: string | null;
  readonly model: string;
  readonly prompt: string;
  readonly params: JsonObject;
  readonly fate: Fate;
  readonly files: ResultFile[];
  readonly reservedCredits: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly processingAt: number;
  /** Infinity for a task that never ends. */
  readonly endsAt: number;
  /** 0 until the task is settled at its end. */
  finalCredits: number;
  chargedCredits: number;
  refundedCredits: number;
  /** How many sets of links were given out. */
  linkSets: number;
}

export type TaskPhase = 'queued' | 'processing' | 'ended';

export function phaseOf(task: SimulatedTask, now: number): TaskPhase {
  if (now >= task.endsAt) return 'ended';
  return now >= task.processingAt ? 'processing' : 'queued';
}
