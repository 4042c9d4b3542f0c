import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AccountLedger } from '../ledger/account-ledger.js';
import type { BatchLedger } from '../ledger/batch-ledger.js';
import { encodeState } from '../ledger/brief-state.js';
import { moves } from '../ledger/moves.js';
import { type RewriteEntry, RewriteLedger } from '../ledger/rewrite-ledger.js';
import { fileNames } from '../results/file-names.js';
import { ownLine, readManifest } from '../results/manifest.js';
import { contentOfLine, type PreparedBrief, priceKind, type RequestBody } from '../shared/brief.js';
import type { LineStatus, ManifestLine } from '../shared/manifest-line.js';
import { StageQueues } from '../shared/queues.js';
import { inChunks } from '../shared/read-lines.js';
import type { TaskCategory } from '../shared/task-category.js';
import type { BatchContext } from './batch-context.js';
import { type ForcedRun, judgeBrief } from './compare.js';
import { ManifestWriter } from './manifest-writer.js';
import { planReopening, type Reopening } from './plan-reopening.js';
import { completeRewrite, type RewriteEnd, type Rewriting } from './rewrite-manifest.js';

/** What it takes to open finished briefs of one batch again, on the machine that has its folder. */
export interface Reopener extends Rewriting {
  ledger: BatchLedger;
  account: AccountLedger;
  categoryOf(model: string): TaskCategory | null;
  priceOf(model: string): { guess: number; least: number };
}

/** Briefs that are opened in the same way. */
export interface ReopenGroup {
  status: LineStatus;
  /** `reread`: pays for nothing. `perhaps_again`: the last attempt may have been paid as well. */
  way: 'reread' | 'new_attempt' | 'perhaps_again';
  count: number;
  /** Credits that it is expected to cost. */
  credits: number;
  /** How many of them have a price that is only guessed. */
  guessed: number;
}

/** A plan that is made and changes nothing yet. */
export interface Draft {
  token: string;
  generation: string;
  /** Number of the run that begins with it; null where it makes nothing. */
  run: number | null;
  groups: ReopenGroup[];
  /** Briefs that cannot be opened: the ledger has not kept what is to be sent. */
  withoutContent: number;
}

const linesAtOnce = 500;

/** Looks for the lines that are wanted, and drafts how their briefs are opened again. */
export async function draftReopening(
  reopener: Reopener,
  wants: (line: ManifestLine) => boolean,
): Promise<Draft> {
  const { ledger, rewrite, out, account } = reopener;
  await new ManifestWriter(ledger.outbox, out).flush();
  const place = await rewrite.place();
  const run = (await rewrite.run()) + 1;
  const drafting = new Drafting(reopener, { prices: await account.prices(), run });
  let lines: ManifestLine[] = [];
  for await (const found of readManifest(out)) {
    // What stands behind it is not marked as written: it is written again, perhaps elsewhere.
    if (found.offset >= place.offset) break;
    const line = ownLine(found, out);
    if (wants(line)) lines.push(line);
    if (lines.length < linesAtOnce) continue;
    await drafting.add(lines);
    lines = [];
  }
  await drafting.add(lines);
  const result = drafting.result();
  // To look at a task again makes nothing, so it is no run.
  const makes = result.groups.some(({ way }) => way !== 'reread');
  return { ...result, generation: place.generation, run: makes ? run : null };
}

/** Carries a draft out; `not_begun` where the batch has changed since it was made. */
export async function reopen(
  reopener: Reopener,
  draft: Draft,
  cancellation: 'lift' | 'keep',
): Promise<'reopened' | 'not_begun'> {
  const { rewrite, out } = reopener;
  const historyBytes = await bytesOf(out, fileNames.history);
  const { token, generation, run } = draft;
  const plan = { generation, historyBytes, cancellation, run, unwritten: 'allowed' } as const;
  const begun = await rewrite.begin(token, plan);
  if (begun !== 'begun') {
    await rewrite.dropDraft(token);
    return 'not_begun';
  }
  await completeForSure(reopener);
  return 'reopened';
}

/** Completes what is under way, or waits until somebody else has. */
export async function completeForSure(rewriting: Rewriting): Promise<void> {
  for (;;) {
    const end: RewriteEnd = await completeRewrite(rewriting);
    if (end.kind !== 'busy') return;
    await sleep(Math.min(end.waitMs + 50, 500));
  }
}

/** Of a file in the folder; 0 for one that is not there. */
async function bytesOf(out: string, name: string): Promise<number> {
  return stat(join(out, name)).then(
    ({ size }) => size,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return 0;
      throw error;
    },
  );
}

class Drafting {
  private readonly token = randomUUID();
  private readonly groups = new Map<string, ReopenGroup>();
  private withoutContent = 0;

  constructor(
    private readonly reopener: Reopener,
    private readonly known: { prices: ReadonlyMap<string, number>; run: number },
  ) {}

  async add(lines: ManifestLine[]): Promise<void> {
    if (lines.length === 0) return;
    const { rewrite, categoryOf } = this.reopener;
    const known = await rewrite.candidates(lines.map((line) => line.brief_id));
    const entries = new Map<string, RewriteEntry>();
    lines.forEach((line, index) => {
      const { stateText = null, content: kept = null } = known[index] ?? {};
      const content = kept ?? contentOfLine(line);
      const { run } = this.known;
      const reopening = planReopening({ line, stateText, content, categoryOf, run });
      this.count(line.status, reopening);
      if (!('entry' in reopening)) return;
      const { entry } = reopening;
      entries.set(line.brief_id, kept === null ? { ...entry, content } : entry);
    });
    await rewrite.addToDraft(this.token, entries);
  }

  result(): Omit<Draft, 'generation' | 'run'> {
    const { token, withoutContent } = this;
    return { token, withoutContent, groups: [...this.groups.values()] };
  }

  private count(status: LineStatus, reopening: Reopening): void {
    switch (reopening.kind) {
      case 'reread':
        this.groupOf(status, 'reread').count += 1;
        return;
      case 'new_attempt': {
        const way = reopening.earlier === 'in_doubt' ? 'perhaps_again' : 'new_attempt';
        this.charge(this.groupOf(status, way), reopening.body);
        return;
      }
      case 'no_content':
        this.withoutContent += 1;
        return;
      case 'other_state':
        return;
      default:
        reopening satisfies never;
    }
  }

  private charge(group: ReopenGroup, body: RequestBody): void {
    const price = this.known.prices.get(priceKind(body));
    group.count += 1;
    group.credits += price ?? this.reopener.priceOf(body.model).guess;
    if (price === undefined) group.guessed += 1;
  }

  private groupOf(status: LineStatus, way: ReopenGroup['way']): ReopenGroup {
    const key = `${status} ${way}`;
    const group = this.groups.get(key) ?? { status, way, count: 0, credits: 0, guessed: 0 };
    this.groups.set(key, group);
    return group;
  }
}

/** Their tasks are paid for, and may be over, or have files that can be fetched, by now. */
const worthAnotherLook = new Set(['task_overdue', 'download_unavailable']);

/**
 * Opens briefs whose task was given up for the time being: the next run looks at them again and pays for
 * nothing (S3). Safe to repeat, and beside others who do the same.
 * @returns how many were opened
 */
export async function reopenOverdue(reopener: Reopener): Promise<number> {
  await completeForSure(reopener);
  const draft = await draftReopening(reopener, isWorthAnotherLook);
  const count = draft.groups.reduce((sum, group) => sum + group.count, 0);
  if (count === 0) return 0;
  return (await reopen(reopener, draft, 'keep')) === 'reopened' ? count : 0;
}

function isWorthAnotherLook({ status, task_id: taskId, error }: ManifestLine): boolean {
  return status === 'unknown' && taskId !== null && worthAnotherLook.has(error?.code ?? '');
}

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
    const historyBytes = await bytesOf(out, fileNames.history);
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
  const to = moves.opened(state, { fingerprint, admittedAt: nowMs, run });
  return {
    from: text,
    to: encodeState(to),
    status: state.stage === 'lined' ? state.status : 'pending',
    run: state.stage === 'lined' ? state.run : undefined,
    stage: 'submit',
    attempt: to.attempt,
    checks: 0,
    content: `${origin}\n${body}`,
  };
}

export interface ReopenedBatch {
  ledger: BatchLedger;
  account: AccountLedger;
  /** The folder of its results, which is on this machine. */
  out: string;
}

/** Works with what it takes to open finished briefs of a batch again. */
export async function withReopener<T>(
  { redis, prefix, categoryOf, priceOf }: BatchContext,
  { ledger, account, out }: ReopenedBatch,
  work: (reopener: Reopener) => Promise<T>,
): Promise<T> {
  const queues = new StageQueues(redis, prefix, ledger.batch);
  try {
    return await work({
      ledger,
      account,
      out,
      queues,
      rewrite: new RewriteLedger(redis, ledger, account),
      categoryOf,
      priceOf,
    });
  } finally {
    await queues.close();
  }
}
