import type { LineError, LineStatus } from '../shared/manifest-line.js';

/** What a person or a log should hear of while stages work. */
export type Notice =
  | { kind: 'lined'; briefId: string; status: LineStatus; error: LineError | null }
  | { kind: 'parked'; probeInMs: number }
  | { kind: 'credits_back' }
  | { kind: 'capped'; reason: 'cap' | 'day_cap' }
  | { kind: 'paused' }
  | { kind: 'halted'; code: string; message: string; requestId: string | null }
  | { kind: 'throttled'; waitMs: number }
  /** No refusal: the rate-limit headers say that nothing is left. */
  | { kind: 'used_up'; waitMs: number }
  | { kind: 'api_down'; reason: string; waitMs: number }
  /** So many files of finished tasks cannot be fetched yet, the last of them for this reason. */
  | { kind: 'files_due'; count: number; reason: string }
  | { kind: 'outcome_unknown'; briefId: string; reason: string }
  /** By a page or a code that nobody knows, while the key works: this brief alone is tried again later. */
  | { kind: 'refused_unexplained'; briefId: string; reason: string }
  | { kind: 'output_trouble'; reason: string }
  /** The folder of the results is not where it was, or another one is there. */
  | { kind: 'folder_away'; out: string }
  | { kind: 'folder_back'; out: string }
  /** Nothing more is done for the batch by this process. */
  | { kind: 'state_lost'; reason: string };

export type Notify = (notice: Notice) => void;
