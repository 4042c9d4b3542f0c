import type { BatchLedger } from '../ledger/batch-ledger.js';
import type { BatchMeta } from '../ledger/batch-meta.js';
import { decodeState, type ReadState, type StateOf } from '../ledger/brief-state.js';
import type { Unsent } from '../ledger/moves.js';
import type { CompiledInput } from '../producer/compile-input.js';
import { readableLines } from '../results/manifest.js';
import { fingerprintOf, type PreparedBrief } from '../shared/brief.js';
import type { ManifestLine } from '../shared/manifest-line.js';
import { inChunks } from '../shared/read-lines.js';
import { hexWords, TextIndex } from '../shared/text-index.js';

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

/**
 * Compares an input with what the batch has. One that the batch is known to have as it is (`BatchMeta.knownInput`) is not
 * read again for that.
 * @param meta as it was before
 */
export async function compareWithBatch(
  ledger: BatchLedger,
  meta: BatchMeta,
  { briefs, counts, digest }: Pick<CompiledInput, 'briefs' | 'counts' | 'digest'>,
  forced: ForcedRun = null,
): Promise<Comparison> {
  const comparison = nothingCompared();
  if (forced === null && meta.knownInput === digest) {
    const same = counts.briefs;
    return { ...comparison, same, gone: Math.max(0, meta.admitted - same) };
  }
  for await (const chunk of inChunks(briefs(), chunkSize)) {
    const texts = await ledger.briefs.stateTexts(chunk.map(({ id }) => id));
    chunk.forEach((brief, index) => {
      count(comparison, brief.id, judgeBrief(brief, texts[index] ?? null, forced));
    });
  }
  const known = (await ledger.meta())?.admitted ?? 0;
  comparison.gone = Math.max(0, known - foundIn(comparison));
  if (comparison.same === counts.briefs) await ledger.rememberInput(digest, meta, 'compared');
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
    return stage === 'waiting' || stage === 'admitted' || stage === 'submitting';
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

/** Briefs of the input that are to be queued: new ones, and those that are made anew. */
export function toQueue({ fresh, changed, forced }: Comparison): number {
  return fresh + changed + forced;
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

/** What a later run of an input would do, as far as the folder of its batch alone can tell. */
export class FolderComparison {
  /** Complete once the briefs of `toBeMade` have come to their end. */
  readonly comparison = nothingCompared();

  private constructor(private readonly known: FolderIndex) {}

  /** Reads the manifest in a folder, without Redis; one that is not there has nothing. */
  static async with(out: string): Promise<FolderComparison> {
    const known = new FolderIndex();
    // A line that cannot be read is found by `verify`; here its brief has none.
    for await (const line of readableLines(out, () => undefined)) known.note(line);
    return new FolderComparison(known);
  }

  /**
   * Compares the whole input as it passes by, and gives those that would be made: what has changed, and what has no line.
   * Of a batch that is under way, what has no line yet counts as new.
   */
  async *toBeMade(briefs: AsyncIterable<PreparedBrief>): AsyncGenerator<PreparedBrief> {
    const { comparison, known } = this;
    for await (const brief of briefs) {
      const news = known.judge(brief);
      comparison[news] += 1;
      if (news === 'fresh' || news === 'changed') yield brief;
    }
    comparison.gone = known.size - foundIn(comparison);
  }
}

const fingerprintWords = 3;

/** Content and end of each brief of a manifest, in 34 to 39 bytes (`TextIndex`). */
class FolderIndex {
  /** Behind the words of the content: 1 where it is not known what became of it. */
  private readonly lines = new TextIndex(fingerprintWords + 1);
  private readonly content = new Uint32Array(fingerprintWords);

  get size(): number {
    return this.lines.size;
  }

  note(line: ManifestLine): void {
    const { words } = this.lines.claim(line.brief_id);
    hexWords(fingerprintOf(line), this.content);
    words.set([...this.content, line.status === 'unknown' ? 1 : 0]);
  }

  judge({ id, fingerprint }: PreparedBrief): 'fresh' | 'same' | 'changed' | 'undecided' {
    const words = this.lines.find(id);
    if (words === null) return 'fresh';
    hexWords(fingerprint, this.content);
    if (this.content.every((word, at) => word === words[at])) return 'same';
    return words[fingerprintWords] === 1 ? 'undecided' : 'changed';
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
  | { kind: 'replace'; known: ReadState<Unsent> }
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
    case 'waiting':
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
