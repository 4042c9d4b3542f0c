import type { CompiledInput } from '../producer/compile-input.js';
import type { Model } from '../rivya/outcome.js';
import type { KeptCommand } from '../shared/ledger/kept-command.js';
import type { InputFlags, LogFlags, RequestFlags } from './flags.js';
import type { ForceFlags } from './force-flag.js';
import type { Interrupts } from './interrupts.js';
import type { RunBatch } from './open-run-batch.js';

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
