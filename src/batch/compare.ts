import type { BatchLedger } from '../ledger/batch-ledger.js';
import { decodeState, type ReadState, type StateOf } from '../ledger/brief-state.js';
import { readableLines } from '../results/manifest.js';
import type { PreparedBrief } from '../shared/brief.js';
import type { LineStatus } from '../shared/manifest-line.js';
import { inChunks } from '../shared/read-lines.js';
import { fingerprintOf } from './adopt-folder.js';

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

/** What of an input a run would send. */
export class LeftToMake {
  /** How many were sent before, and have a task: they are watched and collected, and nothing more is paid (S3). */
  watched = 0;

  constructor(
    private readonly ledger: BatchLedger,
    private readonly forced: ForcedRun,
  ) {}

  async *of(briefs: AsyncIterable<PreparedBrief>): AsyncGenerator<PreparedBrief> {
    for await (const chunk of inChunks(briefs, chunkSize)) {
      const texts = await this.ledger.briefs.stateTexts(chunk.map(({ id }) => id));
      yield* chunk.filter((brief, index) => this.isLeft(brief, texts[index] ?? null));
    }
  }

  private isLeft(brief: PreparedBrief, text: string | null): boolean {
    const { kind } = judgeBrief(brief, text, this.forced);
    if (kind !== 'same' || text === null) return kind !== 'undecided';
    const { stage } = decodeState(text).state;
    if (stage === 'accepted' || stage === 'ready') this.watched += 1;
    return stage === 'admitted' || stage === 'submitting';
  }
}

/** A brief with other content than the batch has is left as it is once the changed ones are open again. */
const settled = new Set(['lined', 'clash']);

function nothingCompared(): Comparison {
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

type Known = ReadonlyMap<string, { fingerprint: string; status: LineStatus }>;

/** What a later run of an input would do, as far as the folder of its batch alone can tell. */
export interface FolderComparison {
  comparison: Comparison;
  /** Of briefs, those that would be made: what has changed, and what has no line. */
  toBeMade(briefs: AsyncIterable<PreparedBrief>): AsyncIterable<PreparedBrief>;
}

/**
 * Compares an input with the manifest in a folder, without Redis; one that is not there has nothing. Of a batch
 * that is under way, what has no line yet counts as new.
 */
export async function compareWithFolder(
  out: string,
  briefs: () => AsyncIterable<PreparedBrief>,
): Promise<FolderComparison> {
  const known = await readKnown(out);
  const comparison = nothingCompared();
  let found = 0;
  for await (const brief of briefs()) {
    comparison[judge(brief, known)] += 1;
    if (known.has(brief.id)) found += 1;
  }
  comparison.gone = known.size - found;
  return { comparison, toBeMade: (all) => toBeMade(all, known) };
}

async function readKnown(out: string): Promise<Known> {
  const known = new Map<string, { fingerprint: string; status: LineStatus }>();
  // A line that cannot be read is found by `verify`; here its brief has none.
  for await (const line of readableLines(out, () => undefined)) {
    known.set(line.brief_id, { fingerprint: fingerprintOf(line), status: line.status });
  }
  return known;
}

function judge(
  { id, fingerprint }: PreparedBrief,
  known: Known,
): 'fresh' | 'same' | 'changed' | 'undecided' {
  const had = known.get(id);
  if (had === undefined) return 'fresh';
  if (had.fingerprint === fingerprint) return 'same';
  return had.status === 'unknown' ? 'undecided' : 'changed';
}

async function* toBeMade(
  briefs: AsyncIterable<PreparedBrief>,
  known: Known,
): AsyncGenerator<PreparedBrief> {
  for await (const brief of briefs) {
    const news = judge(brief, known);
    if (news === 'fresh' || news === 'changed') yield brief;
  }
}

/** What an input's brief is to a batch that may know it. */
export type BriefNews =
  /** The batch does not have it. */
  | { kind: 'fresh' }
  /** It has it with this content, made or to be made. */
  | { kind: 'same' }
  /** Made, and to be made again: its content is another one, or everything is made anew. */
  | { kind: 'remake'; why: 'changed' | 'forced'; known: ReadState<StateOf<'lined'>> }
  /** Other content, and nothing is on its way to the API yet. */
  | { kind: 'replace'; known: ReadState<StateOf<'admitted'>> }
  /** Other content, and what became of the last attempt is not known: it may have been paid, so a person decides (S1). */
  | { kind: 'undecided' }
  /** Other content, while the earlier one is being made. */
  | { kind: 'under_way' };

/** Briefs made by earlier runs than this one are made anew; null where only what has changed is. */
export type ForcedRun = number | null;

/** @param stateText as the ledger has it; null for a brief that is not there */
export function judgeBrief(
  { fingerprint }: PreparedBrief,
  stateText: string | null,
  forced: ForcedRun,
): BriefNews {
  if (stateText === null) return { kind: 'fresh' };
  const [stage, , had] = stateText.split('|', 3);
  const why = had === fingerprint ? 'forced' : 'changed';
  // Most of a million: nothing more of them needs to be read.
  if (why === 'forced' && (forced === null || stage !== 'lined')) return { kind: 'same' };
  const { text, state } = decodeState(stateText);
  switch (state.stage) {
    case 'lined':
      if (why === 'forced' && (state.run ?? 0) >= (forced ?? 0)) return { kind: 'same' };
      if (state.status === 'unknown' && forced === null) return { kind: 'undecided' };
      return { kind: 'remake', why, known: { text, state } };
    case 'admitted':
      return { kind: 'replace', known: { text, state } };
    case 'submitting':
    case 'accepted':
    case 'ready':
      return { kind: 'under_way' };
    default:
      return state satisfies never;
  }
}
