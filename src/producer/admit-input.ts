import { type Admitting, admitBriefs } from './admit-briefs.js';
import type { CompiledInput } from './compile-input.js';

/** Admits a whole input, and marks its batch's admission as complete, without which the batch cannot end. */
export async function admitInput(
  admitting: Admitting,
  input: CompiledInput,
): Promise<'all' | 'stopped'> {
  // Before the first job: whoever takes it looks for its files there.
  await admitting.ledger.references.keepFiles(input.files);
  if ((await admitBriefs(admitting, input.briefs())) === 'stopped') return 'stopped';
  const { rows, rejected, duplicates } = input.counts;
  await admitting.ledger.markAdmission('complete', { rows, rejected, duplicates });
  await admitting.ledger.set({ ready: 1 });
  return 'all';
}
