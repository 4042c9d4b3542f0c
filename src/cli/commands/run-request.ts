import type { RunBatch } from '../../batch/continue-batch.js';
import type { KeptCommand } from '../../ledger/batch-meta.js';
import type { CompiledInput } from '../../producer/compile-input.js';
import type { Model } from '../../rivya/outcome.js';
import type { ForceFlags, InputFlags, LogFlags, RequestFlags } from '../options/flags.js';
import type { Interrupts } from '../text/interrupts.js';

export interface RunRequest {
  /** Of a trial, the sample. */
  input: CompiledInput;
  batch: string;
  otherwise: string | null;
  out: string;
  files: string[];
  command: KeptCommand;
  /** The list that the input was checked with. */
  models: Model[];
  /** The input that a trial's sample was taken from; null where the whole input is run. */
  trial: { whole: CompiledInput } | null;
  flags: InputFlags &
    ForceFlags &
    RequestFlags &
    LogFlags &
    SpendingFlags & { json: boolean; wait: boolean };
}

export interface SpendingFlags {
  /** Credits. */
  askAbove: number;
}

export interface Work {
  request: RunRequest;
  opened: RunBatch;
  interrupts: Interrupts;
}
