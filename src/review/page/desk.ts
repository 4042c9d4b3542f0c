import type { Verdict } from '../../ledger/result-ledger.js';
import type { ReviewBrief, ReviewDecision } from '../review-brief.js';

/** What is decided on the page; `undecided` takes back what was said. */
export interface PageDecision {
  brief_id: string;
  attempt: number;
  /** Of the brief's first file: what was looked at. */
  sha256: string;
  decision: Verdict | 'undecided';
  note: string | null;
  prompt: string | null;
  /** ISO 8601. */
  at: string;
}

/** What a person says of a brief, before it has its time. */
export interface Saying {
  decision: Verdict | 'undecided';
  note: string | null;
  prompt: string | null;
}

/** How many briefs stand where, and what making them again will cost. */
export interface DeskCounts {
  /** With a file: of the others there is nothing to decide. */
  decidable: number;
  undecided: number;
  approved: number;
  rejected: number;
  again: number;
  /** What the briefs to be made again were charged before. */
  againCredits: number;
  /** Briefs to be made again of which nobody knows what they cost. */
  againUnpriced: number;
}

/** A decision of somebody else on a brief that was decided here. */
export interface Conflict {
  brief: ReviewBrief;
  mine: Verdict | 'undecided';
  theirs: Verdict | 'undecided';
}

type Listener = () => void;

/**
 * The briefs of the page with what is said of them: the one place where a decision changes. Knows neither where decisions
 * are kept nor how they are shown.
 */
export class Desk {
  private readonly byId = new Map<string, ReviewBrief>();
  private readonly rows = new Map<string, ReviewBrief[]>();
  private readonly listeners = new Set<Listener>();
  /** What was said here, by brief: what somebody else says of the same is a conflict. */
  private readonly mine = new Map<string, Verdict | 'undecided'>();
  /** What was said here and has not come back from where it is kept, by brief, in order. */
  private readonly underWay = new Map<string, string[]>();
  private readonly undoable: { brief: ReviewBrief; before: ReviewDecision | null }[][] = [];
  private counted: DeskCounts | null = null;
  /** Raised with every change. */
  version = 0;

  constructor(readonly briefs: readonly ReviewBrief[]) {
    for (const brief of briefs) {
      this.byId.set(brief.id, brief);
      const row = rowKey(brief);
      const others = this.rows.get(row);
      if (others === undefined) this.rows.set(row, [brief]);
      else others.push(brief);
    }
  }

  brief(id: string): ReviewBrief | null {
    return this.byId.get(id) ?? null;
  }

  /** Everything that was made of the row of a brief, this one too, in the order of admission. */
  rowOf(brief: ReviewBrief): readonly ReviewBrief[] {
    return this.rows.get(rowKey(brief)) ?? [brief];
  }

  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get canUndo(): boolean {
    return this.undoable.length > 0;
  }

  /** Says something of briefs; those of which nothing can be said are passed over. Returns what is to be kept. */
  decide(briefs: readonly ReviewBrief[], saying: Saying, at: Date): PageDecision[] {
    const changed = briefs.filter((brief) => isDecidable(brief) && !saysSo(brief, saying));
    if (changed.length === 0) return [];
    this.undoable.push(changed.map((brief) => ({ brief, before: brief.decision })));
    const decisions = changed.map((brief) => this.put(brief, saying, at));
    this.tell();
    return decisions;
  }

  /** Takes the last thing back that was said here. */
  undo(at: Date): { briefs: ReviewBrief[]; decisions: PageDecision[] } {
    const last = this.undoable.pop() ?? [];
    const decisions = last.map(({ brief, before }) => this.put(brief, before ?? nothingSaid, at));
    if (last.length > 0) this.tell();
    return { briefs: last.map(({ brief }) => brief), decisions };
  }

  /**
   * Takes over what was said elsewhere, or here at another time.
   * @param order `by_time`: what is older than what is known does not count; `as_told`: they come in the order that counts,
   * whatever the clocks of those who said it
   */
  take(decisions: readonly PageDecision[], order: 'by_time' | 'as_told'): Conflict[] {
    const conflicts: Conflict[] = [];
    let changes = 0;
    for (const { brief_id: id, attempt, sha256, at, ...saying } of decisions) {
      const brief = this.byId.get(id);
      if (brief === undefined || brief.attempt !== attempt || fileHash(brief) !== sha256) continue;
      if (this.isEcho(id, saying) || saysSo(brief, saying)) continue;
      if (order === 'by_time' && at < (brief.decision?.at ?? '')) continue;
      const mine = this.mine.get(id);
      if (mine !== undefined && mine !== saying.decision) {
        conflicts.push({ brief, mine, theirs: saying.decision });
      }
      this.mine.delete(id);
      this.forgetUndo(brief);
      brief.decision = decisionOf(saying, at);
      changes += 1;
    }
    if (changes > 0) this.tell();
    return conflicts;
  }

  /** Whether it is what was said here, on its way back; what was said here before it comes no more. */
  private isEcho(id: string, saying: Saying): boolean {
    const sent = this.underWay.get(id) ?? [];
    const at = sent.indexOf(textOf(saying));
    if (at >= 0) sent.splice(0, at + 1);
    return at >= 0;
  }

  /** What somebody else has said since is not taken back by an undo. */
  private forgetUndo(brief: ReviewBrief): void {
    for (const [index, step] of [...this.undoable.entries()].toReversed()) {
      const others = step.filter((said) => said.brief !== brief);
      if (others.length === 0) this.undoable.splice(index, 1);
      else this.undoable[index] = others;
    }
  }

  /** Puts back what stood before decisions that were not taken. */
  revert(refused: readonly PageDecision[]): void {
    const ids = new Set(refused.map((decision) => decision.brief_id));
    for (const step of this.undoable.toReversed()) {
      for (const { brief, before } of step) {
        if (!ids.delete(brief.id)) continue;
        brief.decision = before;
        this.mine.delete(brief.id);
        this.underWay.delete(brief.id);
      }
    }
    for (const { brief_id: id } of refused) {
      const brief = this.byId.get(id);
      if (brief !== undefined) this.forgetUndo(brief);
    }
    this.tell();
  }

  counts(): DeskCounts {
    this.counted ??= countBriefs(this.briefs);
    return this.counted;
  }

  private put(brief: ReviewBrief, saying: Saying, at: Date): PageDecision {
    const time = at.toISOString();
    brief.decision = decisionOf(saying, time);
    this.mine.set(brief.id, saying.decision);
    const sent = this.underWay.get(brief.id) ?? [];
    this.underWay.set(brief.id, [...sent.slice(-8), textOf(saying)]);
    const { decision, note, prompt } = saying;
    const sha256 = fileHash(brief) ?? '';
    return { brief_id: brief.id, attempt: brief.attempt, sha256, decision, note, prompt, at: time };
  }

  private tell(): void {
    this.version += 1;
    this.counted = null;
    for (const listener of this.listeners) listener();
  }
}

const nothingSaid: Saying = { decision: 'undecided', note: null, prompt: null };

function rowKey({ source, row }: ReviewBrief): string {
  return `${row} ${source}`;
}

function fileHash({ files }: ReviewBrief): string | null {
  return files[0]?.sha256 ?? null;
}

/** Of what has no file there is nothing to decide. */
export function isDecidable({ files }: Pick<ReviewBrief, 'files'>): boolean {
  return files.length > 0;
}

function decisionOf({ decision, note, prompt }: Saying, at: string): ReviewDecision | null {
  return decision === 'undecided' ? null : { decision, note, prompt, at };
}

function textOf({ decision, note, prompt }: Saying): string {
  return JSON.stringify([decision, note, prompt]);
}

function saysSo({ decision: known }: ReviewBrief, { decision, note, prompt }: Saying): boolean {
  if (known === null) return decision === 'undecided';
  return known.decision === decision && known.note === note && known.prompt === prompt;
}

/** What a new attempt is expected to cost: what this one was charged, or had reserved. */
export function expectedCredits({ credits, reserved }: ReviewBrief): number | null {
  return credits || reserved;
}

function countBriefs(briefs: readonly ReviewBrief[]): DeskCounts {
  const counts: DeskCounts = {
    decidable: 0,
    undecided: 0,
    approved: 0,
    rejected: 0,
    again: 0,
    againCredits: 0,
    againUnpriced: 0,
  };
  for (const brief of briefs) {
    if (!isDecidable(brief)) continue;
    counts.decidable += 1;
    const verdict = brief.decision?.decision ?? 'undecided';
    counts[verdict] += 1;
    if (verdict !== 'again') continue;
    const credits = expectedCredits(brief);
    if (credits === null) counts.againUnpriced += 1;
    else counts.againCredits += credits;
  }
  return counts;
}

/** The briefs of a row in the order in which they are made of each other, up to this one and from it on. */
export function stepsAround(brief: ReviewBrief, row: readonly ReviewBrief[]): ReviewBrief[] {
  const byId = new Map(row.map((one) => [one.id, one]));
  const inLine = new Set<ReviewBrief>([brief]);
  const before = [brief];
  for (let one = before.pop(); one !== undefined; one = before.pop()) {
    for (const id of one.after) {
      const earlier = byId.get(id);
      if (earlier === undefined || inLine.has(earlier)) continue;
      inLine.add(earlier);
      before.push(earlier);
    }
  }
  const behind = [brief];
  for (let one = behind.pop(); one !== undefined; one = behind.pop()) {
    for (const later of row) {
      if (!later.after.includes(one.id) || inLine.has(later)) continue;
      inLine.add(later);
      behind.push(later);
    }
  }
  return row.filter((one) => inLine.has(one)).sort((a, b) => a.seq - b.seq);
}

/** What was made of the same row in the same way, this one too. */
export function variantsOf(brief: ReviewBrief, row: readonly ReviewBrief[]): ReviewBrief[] {
  return row.filter(({ output }) => output === brief.output);
}
