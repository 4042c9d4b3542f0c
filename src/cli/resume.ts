import type { Command } from 'commander';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import {
  addBatchCommand,
  type FoundBatch,
  type Steered,
  switchSubmissions,
} from './batch-command.js';
import { cancelledSentence } from './cancelled-batch.js';
import type { CommandSetup } from './command-setup.js';
import type { StoreSession } from './session.js';

export function addResumeCommand(program: Command, setup: CommandSetup): void {
  addBatchCommand(program, setup, {
    name: 'resume',
    description: 'submit again what "pause" held back',
    steer: resume,
  });
}

async function resume(session: StoreSession, { ledger, meta }: FoundBatch): Promise<Steered> {
  // Both marks are taken away whatever one finds: a crash may have left only one of them.
  await switchSubmissions(session, meta, 'resume');
  await ledger.resume();
  const { pending, paused } = meta;
  return { json: { paused: false, was_paused: paused, pending }, text: resumedText(meta) };
}

function resumedText({ name, cancelled, paused, pending }: BatchMeta): string {
  if (cancelled) return cancelledSentence(name);
  return paused
    ? `Batch ${name} goes on. Briefs without a result yet: ${pending}.`
    : `Batch ${name} was not paused.`;
}
