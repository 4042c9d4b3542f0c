import type { JournalContent, Send } from '../shared/journal.js';
import type { BatchLedger } from '../shared/ledger/batch-ledger.js';
import type { ReadState, StateOf } from '../shared/ledger/brief-state.js';
import type { SentReservation } from '../shared/ledger/recovery-ledger.js';

export interface BriefAttempt {
  brief: string;
  attempt: number;
}

export interface Recovered {
  /** They were sent, and nobody knows with what outcome. */
  inDoubt: BriefAttempt[];
  /** They were opened for a later attempt than their first, which was not sent. */
  opened: BriefAttempt[];
}

/**
 * Gives briefs that were admitted anew, after a lost Redis, the memory of their attempts: of what was sent, under
 * the same attempt, with the clock of its key running since then; and of what was opened to be sent (S1).
 */
export async function recoverSends(
  ledger: BatchLedger,
  journal: JournalContent,
  briefIds: readonly string[],
): Promise<Recovered> {
  const recovered: Recovered = { inDoubt: [], opened: [] };
  for (const briefId of briefIds) {
    const opened = journal.opened.get(briefId) ?? 1;
    const send = latestSend(journal, briefId, opened);
    if (!send && opened === 1) continue;
    const read = await ledger.briefs.read(briefId);
    if (read?.state.stage !== 'admitted' || read.state.sends > 0) continue;
    if (!send) {
      const attempt = await raiseAttempt(ledger, briefId, { ...read, state: read.state }, opened);
      if (attempt !== null) recovered.opened.push({ brief: briefId, attempt });
      continue;
    }
    // A retry came after that send: the ledger knows more than the journal.
    if (read.state.attempt > send.attempt) continue;
    const { attempt, references: items, fingerprint } = send;
    const sentOther = fingerprint !== undefined && fingerprint !== read.state.fingerprint;
    const to: StateOf<'submitting'> = {
      ...read.state,
      stage: 'submitting',
      attempt,
      firstSentAt: send.sentAt,
      sends: 1,
      ...(sentOther && { sentOther }),
    };
    const from = { text: read.text, state: read.state };
    // Before the move: from then on it is sent again, and as it was.
    if (items) await ledger.references.restoreAddresses(briefId, { attempt, items });
    const { kind } = await ledger.briefs.move(briefId, { from, to, holds: 'slot_and_credits' });
    if (kind === 'moved') recovered.inDoubt.push({ brief: briefId, attempt });
  }
  return recovered;
}

/**
 * The send of the attempt that was opened last, or of a later one; null where it was not sent. A machine without
 * the folder may have sent any brief since the batch began.
 */
function latestSend(
  { sends, elsewhere, header }: JournalContent,
  brief: string,
  opened: number,
): Send | null {
  const send = sends.get(brief);
  if (send && send.attempt >= opened) return send;
  return elsewhere ? { attempt: opened, sentAt: header.createdAt } : null;
}

/** Its earlier attempts are over and have their lines in the history: neither their keys nor their files are used again. */
async function raiseAttempt(
  ledger: BatchLedger,
  briefId: string,
  from: ReadState<StateOf<'admitted'>>,
  attempt: number,
): Promise<number | null> {
  // A crash came between this and its job.
  if (from.state.attempt >= attempt) return from.state.attempt;
  const to: StateOf<'admitted'> = { ...from.state, attempt };
  const { kind } = await ledger.briefs.move(briefId, { from, to, holds: 'nothing' });
  return kind === 'moved' ? attempt : null;
}

const sendsAtOnce = 1000;

/**
 * Counts what was sent before the loss against the caps, before anything else may use them up: the rows of
 * those briefs may come late in the file, or be gone from it (S6).
 */
export async function reserveSends(
  ledger: BatchLedger,
  { sends, opened }: JournalContent,
): Promise<void> {
  let reservations: SentReservation[] = [];
  for (const [id, { attempt, sentAt, credits, kind: priceKind }] of sends) {
    // That attempt has a line in the history, which says what it cost.
    if ((opened.get(id) ?? 0) > attempt) continue;
    // Journals of earlier versions do not tell the credits.
    if (credits === undefined || priceKind === undefined) continue;
    reservations.push({ id, credits, priceKind, sentAt });
    if (reservations.length < sendsAtOnce) continue;
    await ledger.recovery.reserveSent(reservations);
    reservations = [];
  }
  if (reservations.length > 0) await ledger.recovery.reserveSent(reservations);
}
