import type { JournalContent } from '../shared/journal.js';
import type { BatchLedger } from '../shared/ledger/batch-ledger.js';
import type { ReadState, StateOf } from '../shared/ledger/brief-state.js';

export interface BriefAttempt {
  brief: string;
  attempt: number;
}

export interface Recovered {
  /** They may have been sent, and nobody knows with what outcome. */
  inDoubt: BriefAttempt[];
  /** They were opened for a later attempt than their first, which was not sent. */
  opened: BriefAttempt[];
}

/**
 * Gives briefs that were admitted anew, after a lost Redis, the memory of their attempts, where the journal has no send
 * of them, which `adoptFolder` takes over: of what was opened to be sent; and, where machines without the folder sent
 * as well, of any that they may have sent since the batch began, with the clock of its key running since then (S1).
 */
export async function recoverSends(
  ledger: BatchLedger,
  { header, opened: noted, elsewhere }: JournalContent,
  briefIds: readonly string[],
): Promise<Recovered> {
  const recovered: Recovered = { inDoubt: [], opened: [] };
  for (const brief of briefIds) {
    const opened = noted.get(brief) ?? 1;
    if (!elsewhere && opened === 1) continue;
    const read = await ledger.briefs.read(brief);
    if (read?.state.stage !== 'admitted' || read.state.sends > 0) continue;
    // A crash came between this and its job; or a retry came after it.
    const attempt = Math.max(opened, read.state.attempt);
    const from = { text: read.text, state: read.state };
    const kind = elsewhere
      ? await doubt(ledger, brief, { from, attempt, sentAt: header.createdAt })
      : await raise(ledger, brief, { from, attempt });
    if (kind === 'moved') recovered[elsewhere ? 'inDoubt' : 'opened'].push({ brief, attempt });
  }
  return recovered;
}

interface Admitted {
  from: ReadState<StateOf<'admitted'>>;
  attempt: number;
}

async function doubt(
  ledger: BatchLedger,
  brief: string,
  { from, attempt, sentAt }: Admitted & { sentAt: number },
) {
  const sent = { stage: 'submitting', attempt, firstSentAt: sentAt, sends: 1 } as const;
  const to: StateOf<'submitting'> = { ...from.state, ...sent };
  return (await ledger.briefs.move(brief, { from, to, holds: 'slot_and_credits' })).kind;
}

/** Its earlier attempts are over and have their lines in the history: neither their keys nor their files are used again. */
async function raise(ledger: BatchLedger, brief: string, { from, attempt }: Admitted) {
  if (from.state.attempt === attempt) return 'moved';
  const to: StateOf<'admitted'> = { ...from.state, attempt };
  return (await ledger.briefs.move(brief, { from, to, holds: 'nothing' })).kind;
}
