import type { Command } from 'commander';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import {
  addBatchCommand,
  type FoundBatch,
  type Steered,
  switchSubmissions,
} from './batch-command.js';
import type { CommandSetup } from './command-setup.js';
import type { StoreSession } from './session.js';

export function addPauseCommand(program: Command, setup: CommandSetup): void {
  addBatchCommand(program, setup, {
    name: 'pause',
    description: 'submit nothing more of a batch for now; what is submitted is collected',
    steer: pause,
  });
}

async function pause(session: StoreSession, { ledger, meta }: FoundBatch): Promise<Steered> {
  const reason = whyNot(meta);
  if (reason === null) {
    // The ledger first: it also holds back the submissions that a worker has taken from the queue already.
    await ledger.set({ paused: 1 });
    await switchSubmissions(session, meta, 'pause');
  }
  return {
    json: { paused: reason === null, pending: meta.pending },
    text: reason ?? pausedText(meta),
  };
}

function pausedText({ name, pending }: BatchMeta): string {
  return `Batch ${name} is paused: nothing is submitted until "rivya-batch resume ${name}". What was submitted is watched and collected. Briefs without a result yet: ${pending}.`;
}

/** Why there is nothing to hold back; null where there is. */
function whyNot({ name, admission, pending, rewriting, cancelled }: BatchMeta): string | null {
  if (cancelled) return `Batch ${name} is cancelled: nothing more of it is submitted anyway.`;
  if (admission === 'complete' && pending === 0 && !rewriting) {
    return `Batch ${name} is finished: there is nothing to pause.`;
  }
  return null;
}
