import { Journal } from '../shared/journal.js';
import { decodeState } from '../shared/ledger/brief-state.js';
import type { RewriteEntry } from '../shared/ledger/rewrite-entry.js';
import type { RewriteLedger } from '../shared/ledger/rewrite-ledger.js';

type Entries = ReadonlyMap<string, RewriteEntry>;

/**
 * Notes in the journal for which attempt briefs are opened whose lines are about to leave the manifest. Nobody
 * else changes a brief that has its line, so this is what will be, whatever crashes.
 */
export async function noteReopened(out: string, entries: Entries): Promise<void> {
  // One whose task is looked at again keeps its attempt, which the journal knows since it was sent.
  const reopened = [...entries].filter(
    ([, { stage, status }]) => stage === 'submit' && status !== 'pending',
  );
  await note(out, reopened);
}

/** The same for briefs that had no line: once it is sure that they were not sent meanwhile, and before they can be. */
export async function noteReplaced(
  { rewrite, out }: { rewrite: RewriteLedger; out: string },
  entries: Entries,
): Promise<void> {
  const pending = [...entries].filter(([, { status }]) => status === 'pending');
  if (pending.length === 0) return;
  const found = await rewrite.candidates(pending.map(([id]) => id));
  const replaced = pending.filter(([, { attempt }], index) => {
    const text = found[index]?.stateText ?? null;
    return text !== null && decodeState(text).state.attempt === attempt;
  });
  await note(out, replaced);
}

/** Notes, before it is put in place, that the manifest is another file from now on: a Redis that went back knows less. */
export async function noteManifest(out: string, generation: string): Promise<void> {
  const journal = await Journal.openBegun(out);
  await journal?.note({ manifest: Number(generation) + 1 });
  await journal?.close();
}

async function note(out: string, opened: [string, RewriteEntry][]): Promise<void> {
  if (opened.length === 0) return;
  const journal = await Journal.openBegun(out);
  if (journal === null) return;
  try {
    await journal.note(...opened.map(([brief, { attempt }]) => ({ brief, opened: attempt })));
  } finally {
    await journal.close();
  }
}
