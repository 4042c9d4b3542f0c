import { randomUUID } from 'node:crypto';
import { inChunks } from '../shared/in-chunks.js';
import { type ForcedRun, judgeBrief } from '../shared/judge-brief.js';
import type { BatchLedger } from '../shared/ledger/batch-ledger.js';
import { encodeState } from '../shared/ledger/brief-state.js';
import type { RewriteEntry } from '../shared/ledger/rewrite-entry.js';
import type { PreparedBrief } from '../shared/prepared-brief.js';
import type { Rewriting } from './complete-rewrite.js';
import { ManifestWriter } from './manifest-writer.js';
import { bytesOf, completeForSure } from './reopen-lines.js';

export interface Changing extends Rewriting {
  ledger: BatchLedger;
  /** Number of the run that makes them. */
  run: number;
  forced: ForcedRun;
  nowMs: number;
}

const briefsAtOnce = 500;

/**
 * Opens the briefs of an input again whose content has changed, each for a new attempt with its new content (S1):
 * their lines move to the history, their pictures stay. Safe to repeat, and beside others who do the same: what
 * they have opened is not changed any more.
 */
export async function reopenChanged(
  changing: Changing,
  briefs: () => AsyncIterable<PreparedBrief>,
): Promise<void> {
  const { rewrite } = changing;
  for (;;) {
    await completeForSure(changing);
    const { generation } = await rewrite.place();
    const token = randomUUID();
    if ((await draft(changing, token, briefs())) === 0) return;
    const begun = await begin(changing, token, generation);
    if (begun === 'begun') return completeForSure(changing);
    await rewrite.dropDraft(token);
  }
}

async function begin(changing: Changing, token: string, generation: string) {
  const { rewrite, ledger, out } = changing;
  const writer = new ManifestWriter(ledger.outbox, out);
  for (;;) {
    const historyBytes = await bytesOf(out, 'history.jsonl');
    const begun = await rewrite.begin(token, {
      generation,
      historyBytes,
      cancellation: 'keep',
      unwritten: 'refused',
      run: null,
    });
    if (begun !== 'unwritten') return begun;
    await writer.flush();
  }
}

/** Returns how many of them there are. */
async function draft(
  changing: Changing,
  token: string,
  briefs: AsyncIterable<PreparedBrief>,
): Promise<number> {
  const { ledger, rewrite, forced } = changing;
  let count = 0;
  for await (const chunk of inChunks(briefs, briefsAtOnce)) {
    const texts = await ledger.briefs.stateTexts(chunk.map(({ id }) => id));
    const entries = new Map<string, RewriteEntry>();
    chunk.forEach((brief, index) => {
      const news = judgeBrief(brief, texts[index] ?? null, forced);
      if (news.kind !== 'remake' && news.kind !== 'replace') return;
      entries.set(brief.id, entryFor(brief, news.known, changing));
    });
    await rewrite.addToDraft(token, entries);
    count += entries.size;
  }
  return count;
}

function entryFor(
  { fingerprint, origin, body }: PreparedBrief,
  { text, state }: Extract<ReturnType<typeof judgeBrief>, { known: unknown }>['known'],
  { run, nowMs }: Pick<Changing, 'run' | 'nowMs'>,
): RewriteEntry {
  // Raised for one that was never sent as well: whoever holds the earlier content under the earlier attempt
  // does not get leave to send it any more.
  const attempt = state.attempt + 1;
  const to = encodeState({
    stage: 'admitted',
    attempt,
    fingerprint,
    seq: state.seq,
    admittedAt: nowMs,
    sends: 0,
    refusalId: null,
    run,
  });
  return {
    from: text,
    to,
    status: state.stage === 'lined' ? state.status : 'pending',
    run: state.stage === 'lined' ? state.run : undefined,
    stage: 'submit',
    attempt,
    checks: 0,
    content: `${origin}\n${body}`,
  };
}
