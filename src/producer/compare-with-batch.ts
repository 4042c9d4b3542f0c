import { inChunks } from '../shared/in-chunks.js';
import { type BriefNews, type ForcedRun, judgeBrief } from '../shared/judge-brief.js';
import type { BatchLedger } from '../shared/ledger/batch-ledger.js';
import type { PreparedBrief } from '../shared/prepared-brief.js';

/** What an input is to the batch that it is given to, in briefs. */
export interface Comparison {
  /** Nothing is to be done for them that is not under way. */
  same: number;
  /** They are made anew, because their content is another one. */
  changed: number;
  /** Their content is as it was, and they are made anew all the same. */
  forced: number;
  /** The batch does not have them yet. */
  fresh: number;
  /** The batch has them and the input has not: they stay. */
  gone: number;
  /** Changed, and what became of their last attempt is not known: they stay until a person decides. */
  undecided: number;
  /** Changed, while their earlier content is being made: the first of them, and how many there are. */
  underWay: { count: number; first: string[] };
}

const chunkSize = 1_000;
const shown = 5;

/** Compares an input with what the batch has, without changing anything. */
export async function compareWithBatch(
  ledger: BatchLedger,
  briefs: AsyncIterable<PreparedBrief>,
  forced: ForcedRun = null,
): Promise<Comparison> {
  const comparison = nothingCompared();
  for await (const chunk of inChunks(briefs, chunkSize)) {
    const texts = await ledger.briefs.stateTexts(chunk.map(({ id }) => id));
    chunk.forEach((brief, index) => {
      count(comparison, brief.id, judgeBrief(brief, texts[index] ?? null, forced));
    });
  }
  const known = (await ledger.meta())?.admitted ?? 0;
  comparison.gone = Math.max(0, known - foundIn(comparison));
  return comparison;
}

/** The briefs of an input that have no line yet, and are to get one. */
export async function* withoutFinished(
  ledger: BatchLedger,
  briefs: AsyncIterable<PreparedBrief>,
): AsyncGenerator<PreparedBrief> {
  for await (const chunk of inChunks(briefs, chunkSize)) {
    const answers = await ledger.briefs.lookUp(chunk);
    yield* chunk.filter((_brief, index) => !settled.has(answers[index] ?? ''));
  }
}

/** The briefs of an input that a run would make or go on making. */
export async function* leftToMake(
  ledger: BatchLedger,
  briefs: AsyncIterable<PreparedBrief>,
  forced: ForcedRun,
): AsyncGenerator<PreparedBrief> {
  for await (const chunk of inChunks(briefs, chunkSize)) {
    const texts = await ledger.briefs.stateTexts(chunk.map(({ id }) => id));
    yield* chunk.filter((brief, index) => {
      const text = texts[index] ?? null;
      const { kind } = judgeBrief(brief, text, forced);
      return kind === 'same' ? !text?.startsWith('lined|') : kind !== 'undecided';
    });
  }
}

/** A brief with other content than the batch has is left as it is once the changed ones are open again. */
const settled = new Set(['lined', 'clash']);

export function nothingCompared(): Comparison {
  return {
    same: 0,
    changed: 0,
    forced: 0,
    fresh: 0,
    gone: 0,
    undecided: 0,
    underWay: { count: 0, first: [] },
  };
}

/** Briefs of the input that the batch has. */
export function foundIn({ same, changed, forced, undecided, underWay }: Comparison): number {
  return same + changed + forced + undecided + underWay.count;
}

function count(comparison: Comparison, id: string, news: BriefNews): void {
  switch (news.kind) {
    case 'fresh':
    case 'same':
    case 'undecided':
      comparison[news.kind] += 1;
      return;
    case 'remake':
      comparison[news.why] += 1;
      return;
    case 'replace':
      comparison.changed += 1;
      return;
    case 'under_way':
      comparison.underWay.count += 1;
      if (comparison.underWay.first.length < shown) comparison.underWay.first.push(id);
      return;
    default:
      news satisfies never;
  }
}
