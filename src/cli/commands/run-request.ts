import type { BatchRequest, OpenedBatch } from '../../batch/continue-batch.js';
import type { KeptCommand } from '../../ledger/batch-meta.js';
import type { Messenger } from '../../notify/messenger.js';
import type { CompiledInput } from '../../producer/compile-input.js';
import type { Model } from '../../rivya/outcome.js';
import type { StoreSession } from '../../session/store-session.js';
import type { RequestLimits } from '../../session/worker-session.js';
import { shownFile } from '../../shared/addresses.js';
import type { ForceFlags, InputFlags, LogFlags, PriorityFlags } from '../options/flags.js';
import type { Interrupts } from '../text/interrupts.js';

/** What `run` or `enqueue` is to make of its checked input. */
export interface InputRequest {
  /** Of a trial, the sample. */
  input: CompiledInput;
  batch: string;
  /** As `chooseBatch` has it. */
  otherwise: string | null;
  /** Absolute, or '' for a batch that leaves its place to the workers. */
  out: string;
  files: string[];
  /** As the batch keeps it. */
  command: KeptCommand;
  /** As `webhookOf` has it. */
  webhook: BatchRequest['webhook'];
  /** The list that the input was checked with. */
  models: Model[];
  flags: InputFlags & ForceFlags & PriorityFlags;
}

export interface RunRequest extends InputRequest {
  /** The input that a trial's sample was taken from; null where the whole input is run. */
  trial: { whole: CompiledInput } | null;
  flags: InputRequest['flags'] &
    RequestLimits &
    LogFlags &
    SpendingFlags & { json: boolean; wait: boolean };
}

export interface SpendingFlags {
  /** Credits. */
  askAbove: number;
}

export interface Work {
  request: RunRequest;
  session: StoreSession;
  opened: OpenedBatch;
  messenger: Messenger;
  interrupts: Interrupts;
}

/** What a command asks of its batch. */
export function batchRequest(
  { batch, out, input, files, command, webhook, flags }: InputRequest,
  changes: BatchRequest['changes'],
): BatchRequest {
  const { fresh, force, continues, maxCredits, maxCreditsPerDay, minSize, priority } = flags;
  return {
    ...{ batch, out, input, command, changes, priority, webhook, minSize },
    sources: files.map(shownFile),
    caps: { batch: maxCredits, day: maxCreditsPerDay },
    mode: fresh ? 'fresh' : 'go_on',
    force: force ? 'all' : continues ? 'if_cut_off' : 'none',
  };
}
