import type { RewriteLedger } from '../shared/ledger/rewrite-ledger.js';
import type { NewJob, StageQueues } from '../shared/queues.js';
import { noteManifest, noteReopened, noteReplaced } from './note-attempts.js';
import { replaceManifest } from './replace-manifest.js';
import { clearOthersAway, makeWorkFolder, removeWorkFolder } from './work-folder.js';

export interface Rewriting {
  rewrite: RewriteLedger;
  queues: StageQueues;
  /** The manifest's folder. */
  out: string;
}

/** `busy`: somebody else is at it; if they are not heard of for so many ms, it may be taken over. */
export type RewriteEnd = { kind: 'none' } | { kind: 'done' } | { kind: 'busy'; waitMs: number };

/**
 * Carries out the rewrite of the manifest that is under way, from wherever a crash left it: lines that are to
 * be made again move to `history.jsonl`, then their briefs are open again (S4).
 *
 * 1. The plan is in the ledger since one step, and since then no line is written (`begin-rewrite.lua`).
 * 2. A work folder is made, then the rewrite is taken (`hold-rewrite.lua`), then the work folders of all others
 *    are cleared away. So whoever is overtaken, however long it was frozen, has nothing left to put in place.
 * 3. The journal learns for which attempt each brief is opened, and that the manifest is another one: a Redis that is
 *    lost, or goes back, must not bring an earlier one back.
 * 4. History and manifest are written there as a whole, from what counted when the plan was made, and renamed:
 *    repeated after a crash at any point, this leads to the same two files.
 * 5. The ledger learns the new file's length in one step, under a new generation (`swap-rewrite.lua`): a writer
 *    that still has the old file open cannot mark what it wrote there. Lines are written again from here on.
 * 6. Each brief is opened once (`apply-rewrite.lua`), gets its job, and only then leaves the plan.
 */
export async function completeRewrite(rewriting: Rewriting): Promise<RewriteEnd> {
  const { rewrite, out } = rewriting;
  if (!(await rewrite.underWay())) return { kind: 'none' };
  const folder = await makeWorkFolder(out);
  try {
    const work = await rewrite.hold(folder.token, 'take');
    if (work.kind === 'none' || work.kind === 'busy') return work;
    if (work.kind === 'applying') {
      await openBriefs(rewriting, work.generation);
      return { kind: 'done' };
    }
    await clearOthersAway(out, folder);
    for await (const entries of rewrite.entries()) await noteReopened(out, entries);
    await noteManifest(out, work.generation);
    const replaced = await replaceManifest({ rewrite, out, folder, place: work });
    if (replaced.kind === 'overtaken') return { kind: 'busy', waitMs: 0 };
    await openBriefs(rewriting, replaced.generation);
    return { kind: 'done' };
  } finally {
    await removeWorkFolder(folder.path);
  }
}

/** Opens what is left of the plan; a job that is there already is not added twice. */
async function openBriefs({ rewrite, queues, out }: Rewriting, generation: string): Promise<void> {
  for await (const entries of rewrite.entries()) {
    const ids = [...entries.keys()];
    await rewrite.apply(generation, ids);
    await noteReplaced({ rewrite, out }, entries);
    for (const stage of ['submit', 'status'] as const) {
      const jobs: NewJob[] = [];
      for (const [brief, entry] of entries) {
        if (entry.stage === stage) jobs.push({ brief, attempt: entry.attempt, delayMs: 0 });
      }
      if (jobs.length > 0) await queues.add(stage, jobs);
    }
    await rewrite.clear(generation, ids);
  }
}
