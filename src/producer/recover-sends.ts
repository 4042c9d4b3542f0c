import type { JournalContent, Send } from '../shared/journal.js';
import type { BatchLedger } from '../shared/ledger/batch-ledger.js';
import type { StateOf } from '../shared/ledger/brief-state.js';
import type { SentReservation } from '../shared/ledger/recovery-ledger.js';

/** A brief that was sent, and nobody knows with what outcome. */
export interface InDoubt {
  brief: string;
  attempt: number;
}

/**
 * Gives briefs that were admitted anew, after a lost Redis, the memory of what was sent for them: under the
 * same attempt, with the clock of their key running since then (S1). Returns those.
 */
export async function recoverSends(
  ledger: BatchLedger,
  journal: JournalContent,
  briefIds: readonly string[],
): Promise<InDoubt[]> {
  const inDoubt: InDoubt[] = [];
  for (const briefId of briefIds) {
    const send = journal.sends.get(briefId) ?? assumedSend(journal);
    if (!send) continue;
    const read = await ledger.briefs.read(briefId);
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
    const { attempt, references: items } = send;
    // Before the move: from then on it is sent again, and as it was.
    if (items) await ledger.references.restoreAddresses(briefId, { attempt, items });
    const { kind } = await ledger.briefs.move(briefId, { from, to, holds: 'slot_and_credits' });
    if (kind === 'moved') inDoubt.push({ brief: briefId, attempt: send.attempt });
  }
  return inDoubt;
}

/** A machine without the folder may have sent any brief since the batch began. */
function assumedSend({ elsewhere, header }: JournalContent): Send | null {
  return elsewhere ? { attempt: 1, sentAt: header.createdAt } : null;
}

const sendsAtOnce = 1000;

/**
 * Counts what was sent before the loss against the caps, before anything else may use them up: the rows of
 * those briefs may come late in the file, or be gone from it (S6).
 */
export async function reserveSends(ledger: BatchLedger, { sends }: JournalContent): Promise<void> {
  let reservations: SentReservation[] = [];
  for (const [id, { sentAt, credits, kind: priceKind }] of sends) {
    // Journals of earlier versions do not tell the credits.
    if (credits === undefined || priceKind === undefined) continue;
    reservations.push({ id, credits, priceKind, sentAt });
    if (reservations.length < sendsAtOnce) continue;
    await ledger.recovery.reserveSent(reservations);
    reservations = [];
  }
  if (reservations.length > 0) await ledger.recovery.reserveSent(reservations);
}
