import type { JournalContent } from '../shared/journal.js';
import type { BatchLedger } from '../shared/ledger/batch-ledger.js';
import type { StateOf } from '../shared/ledger/brief-state.js';

/**
 * Gives briefs that were admitted anew, after a lost Redis, the memory of what was sent for them: under the
 * same attempt, with the clock of their key running since then (S1).
 */
export async function recoverSends(
  ledger: BatchLedger,
  journal: JournalContent,
  briefIds: readonly string[],
): Promise<void> {
  for (const briefId of briefIds) {
    const send = journal.sends.get(briefId) ?? assumedSend(journal);
    if (!send) continue;
    const read = await ledger.read(briefId);
    if (read?.state.stage !== 'admitted' || read.state.sends > 0) continue;
    // A retry came after that send: the ledger knows more than the journal.
    if (read.state.attempt > send.attempt) continue;
    const to: StateOf<'submitting'> = {
      ...read.state,
      stage: 'submitting',
      attempt: send.attempt,
      firstSentAt: send.sentAt,
      sends: 1,
    };
    const from = { text: read.text, state: read.state };
    await ledger.move(briefId, { from, to, holds: 'slot_and_credits' });
  }
}

/** A machine without the folder may have sent any brief since the batch began. */
function assumedSend({ elsewhere, header }: JournalContent) {
  return elsewhere ? { attempt: 1, sentAt: header.createdAt } : null;
}
